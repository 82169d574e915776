# SPDX-License-Identifier: Apache-2.0
"""Those who use a cloud, and those who abuse it."""

from __future__ import annotations

import contextlib
import socket
import time
from urllib.parse import urlsplit

import websocket

from nova_vnc.rfb.errors import RFBError
from tests.fixtures.console_client import ConsoleClient, token_of
from tests.functional.chaos.cloud import Cloud, Host
from tests.functional.novncproxy.rig import build_upgrade

# Honest users come from 127.0.0.1; whoever means harm has an address of his own, and so has each whose host hangs. Of
# the address that holds most of the pending connections somebody has to go when there are too many.
HOSTILE_ADDRESS = '127.0.0.66'
_TIMEOUT_S = 30


def set_up_console(cloud: Cloud, host: Host) -> float:
    """Do what a user does who wants to see his VM, up to the first ServerInit; return how long it took in seconds."""
    began = time.monotonic()
    with ConsoleClient(cloud.create_console(host), timeout_s=_TIMEOUT_S) as client:
        client.connect()
        return time.monotonic() - began


# Honest, but their VM's host hangs.

def retry_link(url: str, source: str) -> None:
    """Open a valid link of a VM on a hung host; whatever the proxy answers, try again."""
    refused = (OSError, EOFError, RFBError, websocket.WebSocketException)
    with contextlib.suppress(*refused), ConsoleClient(url, timeout_s=_TIMEOUT_S, source=source) as client:
        client.connect()


def retry_post(cloud: Cloud, host: Host) -> None:
    with contextlib.suppress(OSError):
        cloud.post_console(host)


# Hostile.

class Sockets:
    """Connections that are opened anew as soon as the proxy has dropped them.

    :param first_words: what each sends at first
    :ivar are_open: all of them were at once
    """

    def __init__(self, port: int, count: int, first_words: bytes) -> None:
        self._address = '127.0.0.1', port
        self._count = count
        self._first_words = first_words
        self._open: list[socket.socket] = []
        self.are_open = False

    def fill(self) -> None:
        """See to it that all are open."""
        self._open = [sock for sock in self._open if not _is_over(sock)]
        while len(self._open) < self._count:
            with contextlib.suppress(OSError):
                sock = socket.create_connection(self._address, timeout=_TIMEOUT_S,
                                                source_address=(HOSTILE_ADDRESS, 0))
                sock.sendall(self._first_words)
                sock.setblocking(False)
                self._open.append(sock)
        self.are_open = True

    def drip(self) -> None:
        """Send one byte more on each."""
        self.fill()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.send(b'x')

    def close(self) -> None:
        for sock in self._open:
            sock.close()


def _is_over(sock: socket.socket) -> bool:
    try:
        while data := sock.recv(4096):
            del data
    except BlockingIOError:
        return False
    except OSError:
        pass
    sock.close()
    return True


def silent(cloud: Cloud, count: int) -> Sockets:
    """Connect and say nothing."""
    return Sockets(cloud.proxy.port, count, b'')


def slow(cloud: Cloud, count: int) -> Sockets:
    """Send a header byte by byte."""
    return Sockets(cloud.proxy.port, count, b'GET /vnc.html HTTP/1.1\r\nX-Slow: ')


def one_link(cloud: Cloud, url: str, count: int) -> Sockets:
    """Open one valid link again and again, and say nothing in RFB."""
    origin = '{0.scheme}://{0.netloc}'.format(urlsplit(url))
    return Sockets(cloud.proxy.port, count, build_upgrade(f'/?token={token_of(url)}', Origin=origin))
