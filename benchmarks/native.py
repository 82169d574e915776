# SPDX-License-Identifier: Apache-2.0
"""The load generator and the VNC server, which are in C: what they cost is not to be in the way of what is measured."""

from __future__ import annotations

import dataclasses
import json
import resource
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.fixtures.build_cache import built
from tests.fixtures.programs import find_program

_SOURCES = Path(__file__).with_name('native')
_OPEN_FILES = 65536
_EPHEMERAL_PORTS = Path('/proc/sys/net/ipv4/ip_local_port_range')
# Beside connections, and for each process: see nova_vnc.novncproxy.open_files.
_OTHER_FILES = 1000
_OTHER_PORTS = 1000
# Two workers get about as many sessions, but nobody says so; this part of all is the most that one is expected to get.
_LARGEST_SHARE = 0.75


def program(name: str) -> str:
    """Return the path of load or vnc_server, built where it is not yet."""
    texts = {path.name: path.read_text() for path in (_SOURCES / f'{name}.c', _SOURCES / 'wire.h')}
    compiler = find_program('cc', package='gcc')

    def build(directory: Path) -> None:
        subprocess.run([compiler, '-O2', '-o', directory / name, _SOURCES / f'{name}.c', '-lssl', '-lcrypto'],
                       check=True)
    return str(built(f'benchmark-{name}', texts, build) / name)


def allow_many_files() -> int:
    """Raise the limit of open files, which children inherit, as far as that is allowed; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def check_fits(sessions: int) -> None:
    """See to it that so many sessions over two workers are possible on this machine.

    :raises TooManySessions: they are not; the message says what has to be raised
    """
    files, wanted_files = allow_many_files(), int(2 * _LARGEST_SHARE * sessions) + _OTHER_FILES
    if files < wanted_files:
        raise TooManySessions(f'{sessions} sessions want {wanted_files} open files in one process, and the hard limit '
                              f'(ulimit -Hn) is {files}')
    first, last = map(int, _EPHEMERAL_PORTS.read_text().split())
    if last - first < sessions + _OTHER_PORTS:
        raise TooManySessions(f'{sessions} connections to one port want as many ephemeral ports and some more, and '
                              f'there are {last - first + 1} ({_EPHEMERAL_PORTS})')


class TooManySessions(Exception):
    """This machine does not let one have so many."""


class VncServer:
    """A VNC server for any number of connections.

    :param certificate: PEM file with certificate and key
    :param recordings: files of updates, as vnc_server.c describes them

    :ivar ports: by mode: plain, tls, vencrypt; the latter two only with a certificate
    """

    def __init__(self, certificate: Path | None = None, recordings: Sequence[Path] = ()) -> None:
        modes = ['plain', 'tls', 'vencrypt'] if certificate else ['plain']
        options = ['-c', str(certificate)] if certificate else []
        for recording in recordings:
            options += ['-r', str(recording)]
        self._process = subprocess.Popen([program('vnc_server'), *options, *modes], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ports = dict(zip(modes, map(int, self._process.stdout.readline().split()), strict=True))
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.communicate()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run of the load generator saw.

    :ivar units: sessions, or answers, depending on the load
    :ivar failures: sessions that did not open, or answers that were not those to the key presses of their session
    :ivar bytes: payload received (sent, by the load `up`)
    :ivar elapsed_s: until the last answer
    :ivar generator_cpu_s: CPU time of the generator itself meanwhile
    """

    units: int
    bytes: int
    failures: int
    elapsed_s: float
    generator_cpu_s: float
    p50_us: float
    p99_us: float
    max_us: float


class Generator:
    """One process of the load generator; its sessions are there when this has been made.

    :param kind: see load.c
    :param endpoint: port, and how it is spoken to
    :param recording: which of the VNC server's it is, and its file
    """

    def __init__(self, kind: str, endpoint: Endpoint, sessions: int, seconds: float, *, interval_s: float = 0,
                 recording: tuple[int, Path] | None = None, opens_at_a_time: int = 16,
                 presses_at_end: bool = False) -> None:
        arguments = [program('load'), kind, '-p', str(endpoint.port), '-n', str(sessions), '-s', str(seconds),
                     '-i', str(interval_s), '-o', str(opens_at_a_time)]
        if endpoint.tls:
            arguments.append('-t')
        if endpoint.paths:
            arguments += ['-u', str(endpoint.paths)]
        if recording:
            arguments += ['-x', str(recording[0]), '-r', str(recording[1])]
        if presses_at_end:
            arguments.append('-e')
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read_line()

    def begin(self) -> None:
        self._write_line()

    def finish(self) -> Outcome:
        """Wait until its time is over."""
        fields: dict[str, Any] = json.loads(self._read_line())
        return Outcome(**fields)

    def is_there(self) -> bool:
        """Tell whether it and its sessions are: it ends as soon as one of them does, unless that is the load."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it and its sessions. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _write_line(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write('\n')
        self._process.stdin.flush()

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f'the load generator ended with {self._process.wait()}')
        return line


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where sessions are opened.

    :ivar paths: file with the paths of WebSockets; None: bare RFB
    """

    port: int
    paths: Path | None = None
    tls: bool = False
