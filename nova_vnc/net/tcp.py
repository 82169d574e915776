# SPDX-License-Identifier: Apache-2.0
"""TCP connections, and the socket options that both sides of a session want."""

from __future__ import annotations

import socket

from nova_vnc.net.deadline import Deadline, DeadlineExceeded

# A host that vanishes without a word is noticed after 60 + 4 * 15 seconds of silence.
_KEEPALIVE_IDLE_S = 60
_KEEPALIVE_INTERVAL_S = 15
_KEEPALIVE_PROBES = 4


def connect(address: str, port: int, deadline: Deadline, lost_after_s: int | None = None) -> socket.socket:
    """Connect to a numeric IPv4 or IPv6 address.

    :param lost_after_s: see configure()
    :raises DeadlineExceeded: no connection in time
    :raises OSError: refused, unreachable
    """
    deadline.check()
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(deadline.remaining())
        sock.connect((address, port))
        configure(sock, lost_after_s)
    except TimeoutError:
        sock.close()
        raise DeadlineExceeded('no connection in time') from None
    except OSError:
        sock.close()
        raise
    return sock


def configure(sock: socket.socket, lost_after_s: int | None = None) -> None:
    """Set what an interactive session wants of a TCP socket: no delay for small packets, and keepalive probes.

    Keepalive looks after connections on which nothing is under way. Where something is, the kernel sends it again and
    again for about 15 minutes before it gives a peer up, unless lost_after_s says when.

    :param lost_after_s: a peer that acknowledges nothing for so many seconds is lost: neither what was sent nor, in
        silence, the probes, of which there are four in the second half of that time. Linux counts as lost as well
        who answers but has had its receive window closed for so long (net/ipv4/tcp_timer.c, tcp_probe_timer()): 128 KiB
        and more that it has not read. That takes a server that stands still minutes of mouse movements, at 60 a second.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle_s, interval_s = _KEEPALIVE_IDLE_S, _KEEPALIVE_INTERVAL_S
    if lost_after_s is not None:
        # With this Linux ends an idle connection by it too, and not by the number of probes; so they have to fit in.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, lost_after_s * 1000)
        idle_s, interval_s = max(1, lost_after_s // 2), max(1, lost_after_s // 8)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
