# SPDX-License-Identifier: Apache-2.0
"""What is measured, in which order, and beside whom: peers of a scene run at once and take turns."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import crowd, native, record
from benchmarks.loads import LOADS, Load
from benchmarks.native import VncServer
from benchmarks.peers import BareEngine, Direct, HAProxy, Lighttpd, NovncProxy, Peer, Websockify
from benchmarks.process_tree import ProcessTree
from benchmarks.results import Results
from benchmarks.stacks import NovaStack, OurStack
from nova_vnc.conf import novncproxy as novncproxy_conf
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.database_server import MariaDB
from tests.fixtures.rabbitmq import RabbitMQ

_STARTED = time.monotonic()
_WORKERS = 2
BACKENDS = ('threading', 'eventlet')


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much of everything is done.

    :ivar seconds: for which a load is measured in a round
    :ivar loads: of the scene plain
    :ivar tls_loads: of the scenes with TLS
    :ivar crowd: sizes of the crowd of idle sessions, growing
    :ivar tls_crowd: the same over TLS
    :ivar stack_crowd: the same of the scene stacks: those of nova-novncproxy need some MiB each
    :ivar idle_s: for which idle CPU is measured
    :ivar everybody: sessions over two workers, each of which presses a key
    """

    rounds: int
    seconds: float
    loads: Sequence[str]
    tls_loads: Sequence[str]
    crowd: Sequence[int]
    tls_crowd: Sequence[int]
    stack_crowd: Sequence[int]
    idle_s: float
    everybody: int


_TLS_LOADS = ('setups-1', 'setups-16', 'keys-1', 'keys-20', 'down-1', 'up-1')
_QUICK_LOADS = [name for name in LOADS if name not in ('down-20', 'up-20', 'keys-paced')]
_SIZES = (100, 500, 1000, 5000)
FULL = Effort(rounds=7, seconds=3.0, loads=[*LOADS], tls_loads=_TLS_LOADS, crowd=_SIZES, tls_crowd=_SIZES,
              stack_crowd=(10, 50), idle_s=90, everybody=10000)
QUICK = Effort(rounds=5, seconds=0.3, loads=_QUICK_LOADS, tls_loads=('setups-1', 'keys-20', 'down-1'), crowd=_SIZES,
               tls_crowd=(100, 1000), stack_crowd=(4, 20), idle_s=30, everybody=10000)
TINY = Effort(rounds=1, seconds=0.05, loads=('setups-16', 'keys-20', 'down-1', 'up-1', 'keys-beside-bulk'),
              tls_loads=('setups-1', 'keys-20'), crowd=(2, 4), tls_crowd=(2, 4), stack_crowd=(1, 2), idle_s=0.1,
            everybody=4)


class Bench:
    """What the scenes share.

    :param broker: running
    :param backends: of our proxy
    :param peer_names: which of the peers take part; None: all
    :param load_names: which loads; None: all
    """

    def __init__(self, results: Results, effort: Effort, directory: Path, broker: RabbitMQ, *,
                 backends: Sequence[str] = BACKENDS,
                 peer_names: Sequence[str] | None = None, load_names: Sequence[str] | None = None) -> None:
        self.results = results
        self.effort = effort
        self.broker = broker
        self.backends = backends
        self._peer_names = peer_names
        self._load_names = load_names
        self._left_out: set[str] = set()
        self.authority = CertificateAuthority(directory / 'ca')
        self.certificate = self.authority.server()
        self.recordings = {name: record.unpack(name, directory) for name in record.NAMES}
        native.allow_many_files()

    @property
    def loads(self) -> Sequence[str]:
        """Return those of the scene plain: whoever names some gets them."""
        return self.effort.loads if self._load_names is None else self._load_names

    def is_wanted(self, peer_name: str) -> bool:
        return peer_name not in self._left_out and (self._peer_names is None or peer_name in self._peer_names)

    def leave_out(self, peer_name: str) -> None:
        self._left_out.add(peer_name)

    @contextlib.contextmanager
    def running(self, *candidates: tuple[str, Callable[[], Peer]]) -> Iterator[list[Peer]]:
        """Yield those of the peers that are wanted, started; one that cannot be started is left out, with a note."""
        with contextlib.ExitStack() as parts:
            peers = []
            for name, make in candidates:
                if not self.is_wanted(name):
                    continue
                say(f'starting {name}')
                peers.append(parts.enter_context(make()))
            yield peers

    def take_turns(self, peers: Sequence[Peer], server: VncServer, loads: Sequence[Load], prefix: str = '') -> None:
        tree = ProcessTree([server.pid])
        for number in range(self.effort.rounds):
            for load in loads:
                if self._load_names is not None and load.name not in self._load_names:
                    continue
                say(f'{prefix}{load.name}, round {number + 1} of {self.effort.rounds}')
                for peer in peers:
                    self.results.add(prefix + load.name, peer.name, load.measure(peer, tree, self.effort.seconds))

    def replays(self) -> list[Load]:
        return [Load(f'replay-{name}', 'replay', 1, recording=(number, path))
                for number, (name, path) in enumerate(self.recordings.items())]

    def ours(self, servers: VncServer | Sequence[VncServer], *arguments: Any,
             **options: Any) -> list[tuple[str, Callable[[], Peer]]]:
        """Return our proxy under each backend; the rest is as of NovncProxy.

        :param servers: one for all, or one for each backend
        """
        each = [servers] * len(self.backends) if isinstance(servers, VncServer) else servers
        return [(f'proxy-{backend}', lambda backend=backend, server=server: NovncProxy(
            server, backend, self.broker.new_vhost(), *arguments, **options))
            for backend, server in zip(self.backends, each, strict=True)]


def say(text: str) -> None:
    print(f'{time.monotonic() - _STARTED:6.1f} s  {text}', file=sys.stderr, flush=True)


def plain(bench: Bench) -> None:
    """In the clear on both sides, and a consoleauth that costs nothing."""
    with VncServer(recordings=[*bench.recordings.values()]) as server, bench.running(
            ('direct', lambda: Direct(server)), ('haproxy', lambda: HAProxy(server)),
            ('lighttpd', lambda: Lighttpd(server)), ('websockify', lambda: Websockify(server)),
            *bench.ours(server)) as peers:
        bench.take_turns(peers, server, [*(LOADS[name] for name in bench.loads), *bench.replays()])


def engines(bench: Bench) -> None:
    """The relay engine alone."""
    with VncServer() as server, bench.running(
            ('haproxy', lambda: HAProxy(server)),
            *((f'engine-{backend}', lambda backend=backend: BareEngine(server, backend))
              for backend in bench.backends)) as peers:
        bench.take_turns(peers, server, [LOADS[name] for name in ('keys-1', 'keys-20', 'keys-200', 'down-1')])


def idle(bench: Bench) -> None:
    """A crowd of idle sessions."""
    effort = bench.effort
    with contextlib.ExitStack() as parts:
        # One for each peer: with 15,000 connections to one port the kernel takes 2 ms to find a free one for the next.
        servers = [parts.enter_context(VncServer()) for _ in range(3 + len(bench.backends))]
        for_haproxy, for_lighttpd, for_websockify, *for_ours = servers
        peers = parts.enter_context(bench.running(
            ('haproxy', lambda: HAProxy(for_haproxy)), ('lighttpd', lambda: _at_most(1000, Lighttpd(for_lighttpd))),
            ('websockify', lambda: Websockify(for_websockify)), *bench.ours(for_ours)))
        crowd.measure(bench.results, peers, ProcessTree([server.pid for server in servers]), effort.crowd,
                      rounds=effort.rounds, seconds=effort.seconds, idle_s=effort.idle_s, say=say)
        for peer in peers:
            if isinstance(peer, NovncProxy):
                bench.results.add('broker', peer.name, {'connections': peer.broker_connections()})


def tls(bench: Bench) -> None:
    """TLS to the browser."""
    with VncServer(bench.certificate.both) as server, bench.running(
            ('direct', lambda: Direct(server, tls=True)), ('haproxy', lambda: HAProxy(server, bench.certificate)),
            ('websockify', lambda: Websockify(server, bench.certificate)),
            *bench.ours(server, bench.certificate)) as peers:
        bench.take_turns(peers, server, [LOADS[name] for name in bench.effort.tls_loads], 'tls ')
        _small_crowd(bench, peers, server, bench.effort.tls_crowd, 'tls ')


def both_sides(bench: Bench) -> None:
    """TLS to the browser, and VeNCrypt to the VNC server; HAProxy, which knows none, speaks bare TLS to it."""
    with VncServer(bench.certificate.both) as server, bench.running(
            ('haproxy', lambda: HAProxy(server, bench.certificate, 'tls')),
            *bench.ours(server, bench.certificate, bench.authority)) as peers:
        bench.take_turns(peers, server, [LOADS[name] for name in bench.effort.tls_loads], 'vencrypt ')
        _small_crowd(bench, peers, server, bench.effort.tls_crowd, 'vencrypt ')


def stacks(bench: Bench) -> None:
    """Everything, against Nova's."""
    with MariaDB() as database, VncServer() as server, bench.running(
            ('nova', lambda: NovaStack(server, bench.broker, database)),
            *((f'proxy-{backend}', lambda backend=backend: OurStack(server.ports['plain'], backend, bench.broker,
                                                                     database))
              for backend in bench.backends)) as peers:
        bench.take_turns(peers, server, [LOADS[name] for name in ('setups-1', 'setups-16', 'keys-1', 'down-1')],
                         'stack ')
        _small_crowd(bench, peers, server, bench.effort.stack_crowd, 'stack ')


def everybody(bench: Bench) -> None:
    """Two workers and their sessions, each of which presses a key and is to see it."""
    if 'workers' not in {option.name for option in novncproxy_conf.OPTS}:
        bench.results.notes.append('this nova-novncproxy has no workers')
        return
    with VncServer() as server, bench.running(*bench.ours(server, workers=_WORKERS)) as peers:
        for peer in peers:
            assert isinstance(peer, NovncProxy)
            crowd.press_all(bench.results, peer, bench.effort.everybody)
            bench.results.add('broker', peer.name, {'connections': peer.broker_connections() / _WORKERS})


SCENES: dict[str, Callable[[Bench], None]] = {
    'plain': plain, 'idle': idle, 'tls': tls, 'vencrypt': both_sides, 'stacks': stacks, 'everybody': everybody,
    'engines': engines}
DEFAULT_SCENES = [name for name in SCENES if name != 'engines']


def _at_most(sessions: int, peer: Peer) -> Peer:
    peer.max_sessions = sessions
    return peer


def _small_crowd(bench: Bench, peers: Sequence[Peer], server: VncServer, sizes: Sequence[int], prefix: str) -> None:
    of_scene = Results()
    crowd.measure(of_scene, [peer for peer in peers if peer.name != 'direct'], ProcessTree([server.pid]), sizes,
                  rounds=bench.effort.rounds, seconds=bench.effort.seconds, idle_s=0, say=say)
    bench.results.notes += [prefix + note for note in of_scene.notes]
    for load, of_load in of_scene.values.items():
        bench.results.values[prefix + load] = of_load
