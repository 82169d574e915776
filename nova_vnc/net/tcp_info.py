# SPDX-License-Identifier: Apache-2.0
"""What the kernel knows about the other end of a TCP connection (Linux, struct tcp_info in linux/tcp.h)."""

from __future__ import annotations

import socket
import struct

_PROBES = struct.Struct('3xB')            # tcpi_probes: zero window probes without an answer
_UNACKED = struct.Struct('24xI')          # tcpi_unacked: segments in flight
_LAST_ACK_RECV = struct.Struct('56xI')    # tcpi_last_ack_recv: ms since the last acknowledgement
_NOTSENT_BYTES = struct.Struct('144xI')   # tcpi_notsent_bytes, Linux 4.6
_SIZE = 148
_LOST_PROBES = 3


def is_holding_back(sock: socket.SocketType, silence_s: float) -> bool:
    """Tell whether the other end is reachable but has not taken yet all that was sent.

    Such a peer may be slow or not reading at all; in either case it has not seen the end of what we sent, so its
    silence about that proves nothing. False where all was delivered, where the peer is out of reach, and for what is
    no TCP connection.

    :param silence_s: a peer that has acknowledged nothing for so long, with data in flight, is out of reach
    """
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except OSError:
        return False
    if len(info) < _SIZE:
        return False
    if _UNACKED.unpack_from(info)[0]:
        return bool(_LAST_ACK_RECV.unpack_from(info)[0] < silence_s * 1000)
    # Nothing in flight but something to send: the receive window is closed, and the kernel probes it for ever as long
    # as the probes are answered (RFC 1122 section 4.2.2.17).
    return bool(_NOTSENT_BYTES.unpack_from(info)[0]) and _PROBES.unpack_from(info)[0] < _LOST_PROBES
