# SPDX-License-Identifier: Apache-2.0
"""What runs on the far host of tests.fixtures.own_network: a VNC server that sends back what it gets.

It obeys the lines that it reads and answers each.
"""

import contextlib
import socket
import sys
import threading

from nova_vnc.rfb.errors import RFBError
from tests.fixtures.own_network import run_ip
from tests.functional.novncproxy.rig import echo

PORT = 5900


def serve(listener: socket.socket) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve_one, args=(sock,), daemon=True).start()


def serve_one(sock: socket.socket) -> None:
    with sock, contextlib.suppress(OSError, EOFError, RFBError):
        echo(sock)


def main(address: str) -> None:
    print('ready', flush=True)
    for line in sys.stdin:
        if line == 'plugged in\n':
            run_ip('address', 'add', f'{address}/24', 'dev', 'far')
            run_ip('link', 'set', 'far', 'up')
            threading.Thread(target=serve, args=(socket.create_server((address, PORT)),), daemon=True).start()
        elif line == 'cut\n':
            run_ip('link', 'set', 'far', 'down')
        print('done', flush=True)


if __name__ == '__main__':
    main(sys.argv[1])
