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

# Linux 4.12, include/uapi/asm-generic/socket.h and sock_diag.h
_SO_MEMINFO = 55
_SEND_BUFFER = struct.Struct('12xI4xI')   # SK_MEMINFO_SNDBUF, SK_MEMINFO_WMEM_QUEUED
# The kernel counts what it needs itself for what is in a send buffer too; measured: 2% of large pieces.
_PAYLOAD_SHARE = 15 / 16


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


def free_to_send(sock: socket.SocketType) -> int:
    """Return how many bytes, sent as whole pages, would be taken without waiting; 0 where that is not known."""
    try:
        sizes = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _SEND_BUFFER.size)
    except OSError:
        return 0
    if len(sizes) < _SEND_BUFFER.size:
        return 0
    limit, queued = _SEND_BUFFER.unpack(sizes)
    return max(0, int((limit - queued) * _PAYLOAD_SHARE))
