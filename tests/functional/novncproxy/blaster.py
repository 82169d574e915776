# SPDX-License-Identifier: Apache-2.0
"""A client that never stops talking, as a program of its own: blaster.py PORT REQUEST REPEATED (both in hex).

It reads and drops whatever it gets, prints a line once it has sent a while, and ends with its standard input.
"""

import os
import socket
import sys
import threading


def main() -> None:
    port, request, repeated = int(sys.argv[1]), bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])
    sock = socket.create_connection(('127.0.0.1', port))
    sock.sendall(request)
    threading.Thread(target=read, args=(sock,), daemon=True).start()
    threading.Thread(target=send, args=(sock, repeated * (65536 // len(repeated))), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def read(sock: socket.socket) -> None:
    while sock.recv(1 << 20):
        pass


def send(sock: socket.socket, data: bytes) -> None:
    for count in range(1 << 40):
        sock.sendall(data)
        if count == 10:
            print('blasting', flush=True)


if __name__ == '__main__':
    main()
