# SPDX-License-Identifier: Apache-2.0
"""Ways in which a VNC server can break RFB, VeNCrypt or TLS: each makes dialogues, no two alike."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.fixtures.certificates import Certificate, CertificateAuthority, server_context
from tests.fixtures.programs import find_program
from tests.functional.novncproxy.vencrypt_server import (
    FAILED,
    OK,
    SERVER_INIT,
    TLS,
    X509_NONE,
    Line,
    Step,
    be_silent,
    dialogue,
    hear,
    reset,
    say,
    slowly,
    start_tls,
)

_CLEAR = (b'RFB 003.008\n', b'\1\x13', b'\0\2', b'\0\1' + X509_NONE, b'\1')
_HEARD = (12, 1, 2, 4, 0)
_VERSIONS = (b'RFB 003.003\n', b'RFB 003.005\n', b'RFB 003.007\n', b'RFB 003.008\n', b'RFB 003.889\n')
_PAUSE_S = 0.02
_TIMEOUT_S = 20

# What becomes of a client: the HTTP status, or the close code of its WebSocket.
BAD = {502}
SILENT = {504}
SLOW = SILENT | {4504}
BAD_OR_SILENT = BAD | SILENT
INSIDE = BAD_OR_SILENT | {4502, 4504, 1000, 4408}    # with the WebSocket open already, perhaps
ANY = INSIDE | {101}


class Dialogue(NamedTuple):
    """
    :ivar steps: what the VNC server does
    :ivar outcomes: what may become of the client; 101 is a session
    """

    steps: list[Step]
    outcomes: set[int]


Maker = Callable[[random.Random], Dialogue]


def clear(says: list[bytes]) -> list[Step]:
    """Return the steps in which a server says these things up to where TLS starts."""
    return [step for said, heard in zip(says, _HEARD, strict=False) for step in (say(said), hear(heard))]


class Corpus:
    """
    :param authority: whose certificates the client takes
    :param stranger: another one
    :ivar makers: by name
    """

    def __init__(self, authority: CertificateAuthority, stranger: CertificateAuthority) -> None:
        self._certificate = authority.server()
        self._good = server_context(self._certificate)
        self._old = server_context(self._certificate, version=ssl.TLSVersion.TLSv1_2)
        self._not_taken = [server_context(certificate) for certificate in (
            stranger.server(), authority.expired(), authority.not_yet_valid(), authority.client())]
        anonymous = server_context(None, ciphers='aNULL:@SECLEVEL=0', version=ssl.TLSVersion.TLSv1_2)
        self._nothing_in_common = [
            anonymous, server_context(self._certificate, ciphers='CAMELLIA', version=ssl.TLSVersion.TLSv1_2)]
        self._asks = [server_context(self._certificate, asks_for=authority.ca, version=version)
                      for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
        self.makers: dict[str, Maker] = {
            name.removeprefix('_make_'): getattr(self, name) for name in dir(self) if name.startswith('_make_')}

    # In the clear.

    def _make_truncated(self, rng: random.Random) -> Dialogue:
        return Dialogue([*self._cut(rng), *rng.choice([[], [reset]])], BAD)

    def _make_silent(self, rng: random.Random) -> Dialogue:
        return Dialogue([*self._cut(rng), be_silent], SILENT)

    def _make_garbage(self, rng: random.Random) -> Dialogue:
        position = rng.randrange(len(_CLEAR))
        garbage = rng.randbytes(rng.randint(1, 300))
        return Dialogue([*clear(list(_CLEAR[:position])), say(garbage), rng.choice([be_silent, reset])], ANY)

    def _make_changed_bit(self, rng: random.Random) -> Dialogue:
        says = list(_CLEAR)
        position = rng.randrange(len(says))
        says[position] = _change_bit(says[position], rng)
        return Dialogue([*clear(says), start_tls(self._good), say(OK), be_silent], ANY)

    def _make_extra_bytes(self, rng: random.Random) -> Dialogue:
        says = list(_CLEAR)
        says[rng.randrange(len(says))] += rng.randbytes(rng.randint(1, 40))
        return Dialogue([*clear(says), start_tls(self._good), say(OK), be_silent], ANY)

    def _make_extra_bytes_where_tls_starts(self, rng: random.Random) -> Dialogue:
        extra = rng.choice([OK, OK + SERVER_INIT, rng.randbytes(rng.randint(1, 5000))])
        return Dialogue([*clear([*_CLEAR[:-1], _CLEAR[-1] + extra]), be_silent], BAD)

    def _make_out_of_order(self, rng: random.Random) -> Dialogue:
        says = list(_CLEAR)
        rng.shuffle(says)
        return Dialogue([*clear(says), start_tls(self._good), say(OK), be_silent], ANY)

    def _make_delayed(self, rng: random.Random) -> Dialogue:
        steps = dialogue(self._good, inside=[slowly(OK), hear(1), slowly(SERVER_INIT), be_silent])
        for position, said in enumerate(_CLEAR):
            steps[2 * position] = slowly(said)
        # Nothing is wrong with it but that it may be too slow, on a busy machine.
        return Dialogue(steps, {101} | SLOW)

    def _make_downgrade(self, rng: random.Random) -> Dialogue:
        version = rng.choice(_VERSIONS)
        dictated = version < b'RFB 003.007'
        others = bytes(rng.sample([number for number in range(1, 256) if number != 19], rng.randint(1, 200)))
        offer = rng.choice([b'\0\0\0\1', b'\0\0\0\2']) if dictated else bytes([len(others)]) + others
        return Dialogue([say(version), hear(12), say(offer), hear(1), say(OK + SERVER_INIT), be_silent], BAD)

    # In the handshake of TLS.

    def _make_wrong_certificate(self, rng: random.Random) -> Dialogue:
        return Dialogue(dialogue(rng.choice(self._not_taken)), BAD)

    def _make_nothing_in_common(self, rng: random.Random) -> Dialogue:
        return Dialogue(dialogue(rng.choice(self._nothing_in_common)), BAD)

    def _make_asks_for_a_certificate(self, rng: random.Random) -> Dialogue:
        return Dialogue(dialogue(rng.choice(self._asks)), BAD)

    def _make_tls_truncated(self, rng: random.Random) -> Dialogue:
        context, share, last = rng.choice([self._good, self._old]), rng.random(), rng.choice([be_silent, reset, None])
        steps = [lambda line: _say_flight(line, context, lambda flight: flight[:int(share * len(flight))]),
                 *([last] if last else [])]
        return Dialogue([*clear(list(_CLEAR)), *steps], BAD_OR_SILENT)

    def _make_tls_changed_bit(self, rng: random.Random) -> Dialogue:
        context = rng.choice([self._good, self._old])
        steps = [lambda line: _say_flight(line, context, lambda flight: _change_bit(flight, rng)), be_silent]
        return Dialogue([*clear(list(_CLEAR)), *steps], BAD_OR_SILENT)

    def _make_tls_garbage(self, rng: random.Random) -> Dialogue:
        start = rng.choice([b'', b'\x16\3\3', b'\x15\3\3\0\2', b'\x14\3\3\0\1\1' * 40, b'\x17\3\3\0\x10', b'HTTP/1.1 '])
        return Dialogue([*clear(list(_CLEAR)), hear(1), say(start + rng.randbytes(rng.randint(1, 2000))),
                         rng.choice([be_silent, reset])], BAD_OR_SILENT)

    def _make_tls_without_end(self, rng: random.Random) -> Dialogue:
        record = rng.choice([b'\x14\3\3\0\1\1', b'\x16\3\3\x10\0' + b'\xff' * 4096, b'\x15\3\3\0\2\1\x5a'])
        return Dialogue([*clear(list(_CLEAR)), hear(1), lambda line: _without_end(line, record)], BAD_OR_SILENT)

    def _make_renegotiating(self, rng: random.Random) -> Dialogue:
        version, command = rng.choice([('-tls1_2', b'R\n'), ('-tls1_2', b'r\n'), ('-tls1_3', b'K\n')])
        return Dialogue([*clear(list(_CLEAR)),
                         lambda line: _through_openssl(line, self._certificate, version, command)], BAD_OR_SILENT)

    # Inside of TLS.

    def _make_result_truncated(self, rng: random.Random) -> Dialogue:
        result = (FAILED + b'\0\0\0\4busy')[:rng.randrange(12)]
        last = rng.choice([be_silent, reset, lambda line: line.end_tls()])
        return Dialogue(dialogue(self._good, inside=[say(result), last] if result else [last]), BAD_OR_SILENT)

    def _make_result_garbage(self, rng: random.Random) -> Dialogue:
        inside = [say(rng.randbytes(rng.randint(1, 300))), rng.choice([be_silent, reset])]
        return Dialogue(dialogue(rng.choice([self._good, self._old]), inside=inside), BAD_OR_SILENT)

    def _make_init_truncated(self, rng: random.Random) -> Dialogue:
        init = SERVER_INIT[:rng.randrange(len(SERVER_INIT))]
        last = rng.choice([be_silent, reset, lambda line: line.end_tls()])
        return Dialogue(dialogue(self._good, inside=[say(OK), hear(1), *([say(init)] if init else []), last]),
                        INSIDE)

    def _make_outside_of_tls(self, rng: random.Random) -> Dialogue:
        garbage = rng.randbytes(rng.randint(5, 300))
        inside = [*rng.choice([[], [say(OK)], [say(OK), hear(1)]]), lambda line: line.sock.sendall(garbage), be_silent]
        return Dialogue(dialogue(self._good, inside=inside), INSIDE)

    def _make_changed_record(self, rng: random.Random) -> Dialogue:
        def run(line: Line) -> None:
            line.flush()
            line.write_changed(OK, lambda record: record[:5] + _change_bit(record[5:], rng))
        return Dialogue(dialogue(rng.choice([self._good, self._old]), inside=[run, be_silent]), BAD)

    def _cut(self, rng: random.Random) -> list[Step]:
        position = rng.randrange(len(_CLEAR))
        said = _CLEAR[position][:rng.randrange(len(_CLEAR[position]))]
        return [*clear(list(_CLEAR[:position])), *([say(said)] if said else [])]


def _change_bit(data: bytes, rng: random.Random) -> bytes:
    position = rng.randrange(len(data))
    return data[:position] + bytes([data[position] ^ 1 << rng.randrange(8)]) + data[position + 1:]


def _say_flight(line: Line, context: ssl.SSLContext, change: Callable[[bytes], bytes]) -> None:
    """Answer the ClientHello with what is made of the server's first flight."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while not outgoing.pending:
        incoming.write(line.hear(16384))
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
    line.sock.sendall(change(outgoing.read()))


def _without_end(line: Line, record: bytes) -> None:
    while True:
        line.sock.sendall(record * 16)
        time.sleep(_PAUSE_S)    # it is to go on for as long as the client lets it


def _through_openssl(line: Line, certificate: Certificate, version: str, command: bytes) -> None:
    """Have OpenSSL's s_server speak TLS, and change something in its middle."""
    with subprocess.Popen(
            [find_program('openssl', package='openssl'), 's_server', '-accept', '127.0.0.1:0', '-naccept', '1',
             '-cert', str(certificate.cert), '-key', str(certificate.key), version],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            with socket.create_connection(('127.0.0.1', _read_port(server)), timeout=_TIMEOUT_S) as behind:
                thread = threading.Thread(target=_carry, args=(line.sock, behind))
                thread.start()
                # The two flights of the server's are all of its handshake.
                for _ in range(2):
                    line.sock.sendall(behind.recv(65536))
                server.stdin.write(command)
                server.stdin.flush()
                _carry(behind, line.sock)
                thread.join(_TIMEOUT_S)
        finally:
            server.kill()


def _read_port(server: subprocess.Popen[bytes]) -> int:
    for said in server.stdout:
        if said.startswith(b'ACCEPT '):
            return int(said.rpartition(b':')[2])
    raise EOFError


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


assert len(clear(list(_CLEAR))) == TLS + 1
