# SPDX-License-Identifier: Apache-2.0
"""Browsers that come and go for half an hour: what the services hold in the end is what they held after the warm-up.

    python -m benchmarks.soak [--minutes 30] [--sessions 200] [--backend eventlet] [--json FILE]

nova-novncproxy, nova-consoleauth and nova-vnc-compute on RabbitMQ and MariaDB. Each session lives for 1 to 20 s and
presses keys; tokens are made and expire all the time. One in ten has a token that nobody issued, one in ten comes with
TLS, one in ten moves bulk, one in twenty goes away in the middle of the handshake, and of the others half end without a
word: with the end of the connection, or with a reset. RSS, PSS, descriptors and threads of each service are taken every
10 s. Ends with 1 where the line through the last half of the run (least squares) rises by more than 3 MiB of memory, 20
descriptors or 10 threads in any of them, or where more than one session in a hundred failed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import random
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import psutil
import websocket

from benchmarks import about, growth, table
from benchmarks.stacks import OurStack
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.database_server import MariaDB
from tests.fixtures.echo_vnc_server import EchoVNCServer
from tests.fixtures.rabbitmq import RabbitMQ

# By how much the last half of a run may rise.
BOUNDS = {'pss_mib': 3.0, 'rss_mib': 3.0, 'descriptors': 20.0, 'threads': 10.0}
_MAX_FAILED = 0.01
_LIFE_S = (1.0, 20.0)
_KEY_INTERVAL_S = (0.5, 2.0)
_TIMEOUT_S = 60.0
_TOKEN_TTL_S = 300
_TOKEN_INTERVAL_S = 1.0
_TOKENS = 150
_KEY = struct.pack('!BB2xI', 4, 1, 0x61)
_BULK_MESSAGE, _BULK_MESSAGES = _KEY * 4096, 64        # 2 MiB, of what the proxy has to read to relay it
_REFUSED, _SEVERED, _BULK, _TLS, _RUDE = 0.1, 0.05, 0.1, 0.1, 0.5
_MIB = 1 << 20


class Browser:
    """One connection. The VNC server behind it sends back what it gets."""

    def __init__(self, port: int, token: str, authority: Path | None, address: str) -> None:
        sock: socket.socket = socket.create_connection(('127.0.0.1', port), _TIMEOUT_S, source_address=(address, 0))
        try:
            if authority is not None:
                sock = ssl.create_default_context(cafile=authority).wrap_socket(sock, server_hostname='127.0.0.1')
            scheme = 'http' if authority is None else 'https'
            self._socket = websocket.create_connection(
                f'ws://127.0.0.1:{port}/?token={token}', timeout=_TIMEOUT_S, subprotocols=['binary'],
                origin=f'{scheme}://127.0.0.1:{port}', socket=sock)
        except BaseException:
            sock.close()
            raise
        self._sock = sock
        self._ahead = b''

    def begin(self) -> bool:
        """Read what security types there are; False: refused."""
        self._expect(b'RFB 003.008\n')
        self._socket.send_binary(b'RFB 003.008\n')
        return self.read(1) != b'\0'

    def finish_handshake(self) -> None:
        self._expect(b'\1')
        self._socket.send_binary(b'\1')
        self._expect(b'\0\0\0\0')
        self._socket.send_binary(b'\1')
        self.read(int.from_bytes(self.read(24)[20:], 'big'))

    def echo(self, data: bytes) -> None:
        self._socket.send_binary(data)
        self._expect(data)

    def read(self, size: int) -> bytes:
        while len(self._ahead) < size:
            data = self._socket.recv()
            if not isinstance(data, bytes) or not data:
                raise ConnectionError('the proxy closed the connection')
            self._ahead += data
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def read_to_end(self) -> None:
        with contextlib.suppress(websocket.WebSocketConnectionClosedException, ConnectionError):
            while self._socket.recv():
                pass

    def say_goodbye(self) -> None:
        self._socket.close(timeout=_TIMEOUT_S)

    def drop(self, *, reset: bool = False) -> None:
        """Let the connection end without a word."""
        with contextlib.suppress(OSError):
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            self._sock.close()

    def _expect(self, data: bytes) -> None:
        found = self.read(len(data))
        if found != data:
            raise ConnectionError(f'{found[:20]!r} where {data[:20]!r} was expected')


class Crowd:
    """Browsers in threads, one session after the other in each.

    :ivar counts: of what happened: opened, refused, severed, bulk, tls, goodbye, dropped, reset, failed
    :ivar failures: the latest of them, in words
    """

    def __init__(self, stack: OurStack, size: int, authority: Path) -> None:
        self._stack = stack
        self._authority = authority
        self._ends = threading.Event()
        self._tokens: collections.deque[tuple[float, str]] = collections.deque(maxlen=_TOKENS)
        for _ in range(20):
            self._add_token()
        self._lock = threading.Lock()
        self._open = 0
        self.counts: collections.Counter[str] = collections.Counter()
        self.failures: collections.deque[str] = collections.deque(maxlen=5)
        self._threads = [threading.Thread(target=self._renew_tokens, daemon=True)]
        self._threads += [threading.Thread(target=self._browse, args=(number,), daemon=True)
                          for number in range(size)]

    @property
    def open_sessions(self) -> int:
        return self._open

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_S)

    def _renew_tokens(self) -> None:
        while not self._ends.wait(_TOKEN_INTERVAL_S):
            try:
                self._add_token()
            except Exception as error:
                self._fail(error)

    def _add_token(self) -> None:
        now = time.monotonic()
        self._tokens.append((now, self._stack.issue_token()))

    def _choose_token(self, chance: random.Random) -> str:
        """Return one that has not expired, even if none could be made for a while."""
        fresh = time.monotonic() - _TOKEN_TTL_S / 2
        tokens = [*self._tokens]
        return chance.choice([token for made_at, token in tokens if made_at > fresh] or [tokens[-1][1]])

    def _browse(self, number: int) -> None:
        chance = random.Random(number)
        address = f'127.0.{number // 250 + 1}.{number % 250 + 1}'     # the proxy keeps a record of each
        self._ends.wait(chance.uniform(0, _LIFE_S[1] / 2))
        while not self._ends.is_set():
            try:
                self._have_session(chance, address)
            except (OSError, websocket.WebSocketException) as error:
                self._fail(error)
                self._ends.wait(1)

    def _have_session(self, chance: random.Random, address: str) -> None:
        refused = chance.random() < _REFUSED
        tls = chance.random() < _TLS
        token = str(uuid.uuid4()) if refused else self._choose_token(chance)
        browser = Browser(self._stack.endpoint.port, token, self._authority if tls else None,
                          address)
        try:
            if not refused and chance.random() < _SEVERED:
                self._count('severed')
                return
            if browser.begin() == refused:
                raise ConnectionError('accepted' if refused else 'refused')
            if refused:
                self._count('refused')
                browser.read_to_end()
                return
            browser.finish_handshake()
            self._count('opened', *(['tls'] if tls else []))
            self._stay(browser, chance)
            self._leave(browser, chance)
        finally:
            browser.drop()

    def _stay(self, browser: Browser, chance: random.Random) -> None:
        self._open_one(1)
        try:
            end = time.monotonic() + chance.uniform(*_LIFE_S)
            if chance.random() < _BULK:
                self._count('bulk')
                for _ in range(_BULK_MESSAGES):
                    browser.echo(_BULK_MESSAGE)
            while time.monotonic() < end and not self._ends.wait(chance.uniform(*_KEY_INTERVAL_S)):
                browser.echo(_KEY)
        finally:
            self._open_one(-1)

    def _leave(self, browser: Browser, chance: random.Random) -> None:
        if chance.random() >= _RUDE:
            browser.say_goodbye()
            self._count('goodbye')
        else:
            reset = chance.random() < 0.5
            browser.drop(reset=reset)
            self._count('reset' if reset else 'dropped')

    def _count(self, *names: str) -> None:
        with self._lock:
            self.counts.update(names)

    def _open_one(self, change: int) -> None:
        with self._lock:
            self._open += change

    def _fail(self, error: Exception) -> None:
        self._count('failed')
        self.failures.append(f'{type(error).__name__}: {error}')


@dataclasses.dataclass
class Samples:
    """
    :ivar times_s: since the start
    :ivar sessions: that were open then
    :ivar cpu_s: of all services so far
    :ivar services: {service: {figure of BOUNDS: [value]}}
    """

    times_s: list[float] = dataclasses.field(default_factory=list)
    sessions: list[int] = dataclasses.field(default_factory=list)
    cpu_s: list[float] = dataclasses.field(default_factory=list)
    services: dict[str, dict[str, list[float]]] = dataclasses.field(default_factory=dict)

    def take(self, when_s: float, sessions: int, cpu_s: float, pids: Mapping[str, list[int]]) -> None:
        self.times_s.append(when_s)
        self.sessions.append(sessions)
        self.cpu_s.append(cpu_s)
        for service, members in pids.items():
            of_service = self.services.setdefault(service, {figure: [] for figure in BOUNDS})
            processes = [psutil.Process(pid) for pid in members]
            memory = [process.memory_full_info() for process in processes]
            of_service['pss_mib'].append(sum(info.pss for info in memory) / _MIB)
            of_service['rss_mib'].append(sum(info.rss for info in memory) / _MIB)
            of_service['descriptors'].append(sum(process.num_fds() for process in processes))
            of_service['threads'].append(sum(process.num_threads() for process in processes))

    def growth(self) -> dict[str, dict[str, float]]:
        """Return {service: {figure: by how much its line rises in the last half}}."""
        return {service: {figure: growth.last_half(self.times_s, values) for figure, values in figures.items()}
                for service, figures in self.services.items()}


def too_much(rises: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a line for each figure that rises above its bound."""
    return [f'{service}: {figure} rises by {rise:.2f} in the last half; the bound is {BOUNDS[figure]:.0f}'
            for service, figures in rises.items() for figure, rise in figures.items() if rise > BOUNDS[figure]]


def build_grid(samples: Samples) -> list[list[str]]:
    """Return the rows of a table, the first of which is its head."""
    rises = samples.growth()
    quarter, half = len(samples.times_s) // 4, len(samples.times_s) // 2
    rows = [['', 'first', f'{samples.times_s[quarter]:.0f} s', f'{samples.times_s[half]:.0f} s',
             f'{samples.times_s[-1]:.0f} s', 'highest', 'rise in the last half', 'bound']]
    rows.append(['sessions', *(str(samples.sessions[at]) for at in (0, quarter, half, -1)),
                 str(max(samples.sessions)), '', ''])
    for service, figures in samples.services.items():
        for figure, values in figures.items():
            digits = 1 if figure.endswith('mib') else 0
            rows.append([f'{service}: {figure}',
                         *(f'{value:.{digits}f}' for value in (values[0], values[quarter], values[half], values[-1],
                                                               max(values))),
                         f'{rises[service][figure]:+.2f}', f'{BOUNDS[figure]:.0f}'])
    return rows


def run(backend: str, sessions: int, seconds: float, interval_s: float, json_file: Path | None = None) -> list[str]:
    """Run it, print its table, and return what is wrong."""
    with contextlib.ExitStack() as parts:
        directory = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        authority = CertificateAuthority(directory)
        vnc_server = parts.enter_context(EchoVNCServer(directory))
        stack = parts.enter_context(OurStack(
            vnc_server.port, backend, parts.enter_context(RabbitMQ()), parts.enter_context(MariaDB()),
            certificate=authority.server(), token_ttl_s=_TOKEN_TTL_S,
            max_sessions_per_instance=0))      # there is but one
        samples = Samples()
        with Crowd(stack, sessions, authority.ca) as crowd:
            begin = time.monotonic()
            while time.monotonic() - begin < seconds:
                time.sleep(interval_s)
                samples.take(time.monotonic() - begin, crowd.open_sessions,
                             sum(tree.cpu_s() for tree in stack.services.values()),
                             {name: tree.pids() for name, tree in stack.services.items()})
    took_s = samples.times_s[-1] - samples.times_s[0]
    busy = (samples.cpu_s[-1] - samples.cpu_s[0]) / took_s
    attempts = sum(crowd.counts[name] for name in ('opened', 'refused', 'severed', 'failed'))
    print(table.format_text(build_grid(samples)), end='')
    print(f'{attempts} connections, {attempts / samples.times_s[-1]:.1f} a second; all services {busy:.0%} of a core')
    print(', '.join(f'{name}: {count}' for name, count in sorted(crowd.counts.items())), *crowd.failures, sep='\n')
    wrong = too_much(samples.growth())
    if crowd.counts['failed'] > attempts * _MAX_FAILED:
        wrong.append(f'{crowd.counts["failed"]} of {attempts} sessions failed')
    if json_file is not None:
        json_file.write_text(json.dumps({
            'about': about.describe({'backend': backend, 'sessions': sessions, 'seconds': seconds}),
            'bounds': BOUNDS, 'wrong': wrong, 'rises': samples.growth(), 'counts': crowd.counts,
            'failures': list(crowd.failures), 'samples': dataclasses.asdict(samples)}, indent=1) + '\n')
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=30)
    parser.add_argument('--sessions', type=int, default=200)
    parser.add_argument('--backend', choices=['threading', 'eventlet'], default='eventlet')
    parser.add_argument('--interval', type=float, default=10, help='seconds between two samples')
    parser.add_argument('--json', type=Path, help='where all samples are written')
    arguments = parser.parse_args()
    wrong = run(arguments.backend, arguments.sessions, arguments.minutes * 60, arguments.interval, arguments.json)
    print(*wrong, sep='\n', end='\n' if wrong else '')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
