# SPDX-License-Identifier: Apache-2.0
"""Record what a real QEMU sends to a browser while a VM boots, and while text scrolls over its screen.

    python -m benchmarks.record

writes recordings/*.xz: updates, each with its size in 4 bytes before it, as a client with noVNC's encodings gets them
when it asks for one after the other. What has been recorded is in the source tree; it need not be done again.
"""

from __future__ import annotations

import lzma
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from tests.fixtures.ports import free_port, is_listening
from tests.fixtures.programs import find_program

DIRECTORY = Path(__file__).with_name('recordings')
NAMES = ('boot', 'scroll')
_BOOT_S = 2.5               # SeaBIOS, and the first lines of text
_SCROLL_S = 2.0
_QUIET_S = 0.02             # behind the last byte of an update
_FIRST_PORT = 5900
# copyrect, tight, hextile, raw, DesktopSize
_ENCODINGS = (1, 7, 5, 0, -223)
# A boot sector: int 10h, function 0Eh, for the characters from ! to }, without an end.
_SECTOR = bytes.fromhex('31db b40e b021 cd10 b40e fec0 3c7e 75f6 b021 ebf2').ljust(510, b'\0') + b'\x55\xaa'


def main() -> None:
    DIRECTORY.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        disk = Path(directory, 'disk')
        disk.write_bytes(_SECTOR.ljust(1 << 20, b'\0'))
        port = free_port()
        qemu = subprocess.Popen([
            find_program('qemu-system-x86_64', package='qemu-system-x86'), '-machine', 'pc,accel=tcg', '-m', '16',
            '-display', 'none', '-drive', f'file={disk},format=raw', '-vnc', f'127.0.0.1:{port - _FIRST_PORT}', '-S',
            '-monitor', 'stdio'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            while not is_listening(port):
                time.sleep(0.05)
            sock = _connect(port)
            assert qemu.stdin is not None
            qemu.stdin.write('cont\n')
            qemu.stdin.flush()
            for name, seconds in zip(NAMES, (_BOOT_S, _SCROLL_S), strict=True):
                updates = _record(sock, seconds)
                data = b''.join(struct.pack('!I', len(update)) + update for update in updates)
                path = DIRECTORY / f'{name}.xz'
                path.write_bytes(lzma.compress(data, preset=9))
                print(f'{path}: {len(updates)} updates, {len(data)} bytes, {path.stat().st_size} compressed')
        finally:
            qemu.kill()
            qemu.communicate()


def unpack(name: str, directory: Path) -> Path:
    """Return a file with the recording as vnc_server and load read it, made in that directory."""
    path = directory / name
    path.write_bytes(lzma.decompress((DIRECTORY / f'{name}.xz').read_bytes()))
    return path


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(('127.0.0.1', port), timeout=10)
    stream = sock.makefile('rb')
    sock.sendall(stream.read(12))
    stream.read(stream.read(1)[0])
    sock.sendall(b'\1')
    stream.read(4)
    sock.sendall(b'\1')
    stream.read(int.from_bytes(stream.read(24)[20:], 'big'))
    sock.sendall(struct.pack(f'!BxH{len(_ENCODINGS)}i', 2, len(_ENCODINGS), *_ENCODINGS))
    return sock


def _record(sock: socket.socket, seconds: float) -> list[bytes]:
    updates: list[bytes] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        sock.sendall(struct.pack('!BBHHHH', 3, bool(updates), 0, 0, 800, 600))
        sock.settimeout(max(0.1, ends - time.monotonic()))
        update = b''
        try:
            while True:
                update += sock.recv(1 << 20)
                sock.settimeout(_QUIET_S)
        except TimeoutError:
            if update:
                updates.append(update)
    return updates


if __name__ == '__main__':
    main()
