# SPDX-License-Identifier: Apache-2.0
"""How many tokens nova-consoleauth authorizes and checks in a second, and what that costs whom. See README.rst."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import about, table, unprivileged
from benchmarks.bus_calls import BusCaller, Call, Failed, Outcome
from benchmarks.peers import ROOT
from benchmarks.process_tree import ProcessTree
from benchmarks.results import Results
from nova_vnc import objects
from nova_vnc.objects import REASON_NOT_READY
from nova_vnc.rpc import consoleauth
from tests.fixtures import cache_server, database_server
from tests.fixtures.polling import wait_until
from tests.fixtures.process import ExternalProcess, format_conf
from tests.fixtures.rabbitmq import RabbitMQ

STORES = ('sqlite', *database_server.SERVERS, 'memcached')
BACKENDS = ('eventlet', 'threading')
_START_TIMEOUT_S = 120
_VNC_PORT = '5900'
_HOSTS = 32                 # of eight VMs each: equal questions to a host are one, and few wait for the same
_VMS = [str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))) for number in range(256)]
_TOKENS = 256               # of which the checks take one after the other
_TOGETHER = 16
_PARTS = ('consoleauth', 'rabbitmq', 'store', 'compute', 'caller')
_MIB = 1 << 20


class Plane:
    """RabbitMQ, the store, and some nova-consoleauth processes before compute hosts that cost nothing.

    :ivar trees: whose CPU time is told apart; no `store` where that is a library
    """

    def __init__(self, store: str, backend: str, processes: int, broker: RabbitMQ, server: Any,
                 parts: contextlib.ExitStack) -> None:
        self.url = broker.new_vhost()
        self._directory = parts.enter_context(unprivileged.directory())
        self._parts = parts
        conf: dict[str, dict[str, Any]] = {
            'DEFAULT': {'concurrency_backend': backend, 'transport_url': self.url, 'host': 'benchmark',
                        'state_path': self._directory}}
        if store in database_server.SERVERS:
            conf['database'] = {'connection': parts.enter_context(server.new_url())}
        elif server is not None:
            conf['cache'] = {name: ','.join(value) if isinstance(value, list) else value
                             for name, value in server.options.items()}
            conf['consoleauth'] = {'token_store': 'cache'}
        (self._directory / 'nova.conf').write_text(format_conf(conf))
        scripts = Path(sys.executable).parent
        if 'database' in conf:
            self._run('manage', str(scripts / 'nova-vnc-manage'), 'db', 'sync').wait(_START_TIMEOUT_S)
        members = [self._run(f'consoleauth-{number}', str(scripts / 'nova-consoleauth'))
                   for number in range(processes)]
        for member in members:
            member.wait_for_line('Tokens are in the store', _START_TIMEOUT_S)
        compute = parts.enter_context(ExternalProcess(
            [sys.executable, '-m', 'benchmarks.compute_standin', self.url], self._directory, name='compute',
            environment={'PYTHONPATH': str(ROOT)}))
        compute.wait_for_line('listening', _START_TIMEOUT_S)
        self.trees = {'consoleauth': ProcessTree([member.pid for member in members]),
                      'rabbitmq': ProcessTree([broker.pid]), 'compute': ProcessTree([compute.pid])}
        if server is not None:
            self.trees['store'] = ProcessTree([server.pid])

    def _run(self, name: str, *command: str) -> ExternalProcess:
        program, *words = command
        return self._parts.enter_context(ExternalProcess(
            unprivileged.command([program, '--config-file', str(self._directory / 'nova.conf'), *words]),
            self._directory, name=name, environment={'PYTHONWARNINGS': 'ignore'}))


class Loads:
    """The calls that are measured, and the tokens that they are about."""

    def __init__(self, caller: BusCaller, at_a_time: int) -> None:
        self._caller = caller
        self._at_a_time = at_a_time
        self._vms = itertools.cycle(_VMS)
        self.known: Iterator[str]
        self.unknown: Iterator[str]

    def prepare(self, processes: int) -> None:
        """Wait for all that answer, report the VMs, and make the tokens that are checked."""
        wait_until(lambda: self._caller.listeners() == processes, _START_TIMEOUT_S, 'nova-consoleauth to listen',
                   interval_s=0.5)
        for number in range(_HOSTS):
            self._report(f'compute-{number}', _VMS[number::_HOSTS])
        wait_until(lambda: self._count_instances() == len(_VMS), _START_TIMEOUT_S, 'the VMs to be reported',
                   interval_s=0.5)
        known = [str(uuid.uuid4()) for _ in range(_TOKENS)]
        unknown = [str(uuid.uuid4()) for _ in range(_TOKENS)]
        todo = iter([(token, next(self._vms)) for token in known] + [(token, str(uuid.uuid4())) for token in unknown])
        made = self._caller.run(lambda: _authorize(*next(todo)), lambda answer: 1, 2, count=2 * _TOKENS)
        if made.done < made.calls:
            raise Failed('The store is not available')
        random.Random(1).shuffle(known)
        self.known, self.unknown = itertools.cycle(known), itertools.cycle(unknown)

    def _report(self, host: str, uuids: list[str]) -> None:
        records = [objects.InstanceRecord(uuid=vm, id=number, name=f'instance-{number:08x}', host=host,
                                          display_name='benchmark').to_dict() for number, vm in enumerate(uuids, 1)]
        self._caller.cast(Call('report_instances', {
            'host': host, 'report_number': int(time.time() * 1000), 'total': len(records), 'instances': records},
            consoleauth.NAMESPACE, consoleauth.NAMESPACE_VERSION))

    def _count_instances(self) -> int:
        call = Call('list_instances', {'project_id': None, 'name': None, 'limit': consoleauth.MAX_PAGE,
                                       'marker': None}, consoleauth.NAMESPACE, '1.0')
        return self._caller.run(lambda: call, len, 1, count=1).done

    def authorize(self, seconds: float) -> Outcome:
        """A token that is stored."""
        return self._caller.run(lambda: _authorize(str(uuid.uuid4()), next(self._vms)),
                                lambda answer: 1, self._at_a_time, seconds=seconds)

    def check(self, seconds: float) -> Outcome:
        """A token that is checked, as nova-novncproxy asks: the compute host is asked too."""
        return self._caller.run(lambda: _check(next(self.known)), _is_good, self._at_a_time, seconds=seconds)

    def check_without_compute(self, seconds: float) -> Outcome:
        """A token whose VM nobody knows, so that no compute host is asked: what the store alone makes of it."""
        return self._caller.run(lambda: _check(next(self.unknown)),
                                lambda answer: answer['reason'] == REASON_NOT_READY, self._at_a_time, seconds=seconds)

    def check_together(self, seconds: float) -> Outcome:
        """Messages that ask for 16 tokens at once, as nova-novncproxy does in a crowd; those whose host
        is slow come back without an answer."""
        def call() -> Call:
            return Call('check_tokens', {'checks': [{'token': next(self.known), 'request_id': None}
                                                    for _ in range(_TOGETHER)]}, consoleauth.NAMESPACE, '1.1')
        return self._caller.run(call, lambda answers: sum(map(_is_good, answers)),
                                max(self._at_a_time // _TOGETHER, 2), seconds=seconds)


def _authorize(token: str, instance_uuid: str) -> Call:
    return Call('authorize_console', {
        'token': token, 'console_type': 'novnc', 'host': '127.0.0.1', 'port': _VNC_PORT, 'internal_access_path': None,
        'instance_uuid': instance_uuid,
        'access_url': f'http://127.0.0.1:6080/vnc_auto.html?path=%3Ftoken%3D{token}'})


def _check(token: str) -> Call:
    return Call('check_token', {'token': token}, consoleauth.NAMESPACE, '1.0')


def _is_good(answer: Any) -> bool:
    return bool(answer and answer['connect_info'])


# name, tokens of a message
LOADS: dict[str, tuple[Callable[[Loads, float], Outcome], int]] = {
    'authorize': (Loads.authorize, 1), 'check, no compute': (Loads.check_without_compute, 1),
    'check': (Loads.check, 1), f'check, {_TOGETHER} together': (Loads.check_together, _TOGETHER)}


def measure(results: Results, store: str, backend: str, processes: int, broker: RabbitMQ, server: Any, *,
            at_a_time: int, seconds: float) -> None:
    with contextlib.ExitStack() as parts:
        plane = Plane(store, backend, processes, broker, server, parts)
        loads = Loads(parts.enter_context(BusCaller(plane.url)), at_a_time)
        loads.prepare(processes)
        for name, (load, tokens) in LOADS.items():
            load(loads, seconds / 4)
            before = {part: tree.cpu_s() for part, tree in plane.trees.items()}
            outcome = load(loads, seconds)
            cpu_s = {part: tree.cpu_s() - before[part] for part, tree in plane.trees.items()}
            cpu_s['caller'] = outcome.caller_cpu_s
            checked = max(outcome.done, 1)
            results.add(name, f'{store}, {backend}, {processes}', {
                'rate': checked / outcome.elapsed_s, 'p50_ms': outcome.p50_ms, 'p99_ms': outcome.p99_ms,
                'refused': outcome.calls * tokens - outcome.done,
                **{f'{part}_ms': spent / checked * 1e3 for part, spent in cpu_s.items()},
                **{f'{part}_busy': spent / outcome.elapsed_s for part, spent in cpu_s.items()},
                'pss_mib': plane.trees['consoleauth'].pss_bytes() / _MIB / processes})


def build_grid(results: Results) -> list[list[str]]:
    """Return the rows of the table, the first of which is its head."""
    rows = [['what; store, backend, processes', 'a second', 'p50 ms', 'p99 ms', 'refused',
             *(f'{part} ms' for part in _PARTS), *(f'{part} busy' for part in _PARTS), 'MiB each']]
    for load in results.values:
        for peer in results.values[load]:
            def text(figure: str, form: str, load: str = load, peer: str = peer) -> str:
                value = results.median(load, peer, figure)
                return '' if value is None else format(value, form)
            rows.append([f'{load}: {peer}', text('rate', ',.0f'), text('p50_ms', '.1f'), text('p99_ms', '.1f'),
                         text('refused', '.0f'),
                         *(text(f'{part}_ms', '.2f') for part in _PARTS),
                         *(text(f'{part}_busy', '.0%') for part in _PARTS), text('pss_mib', '.0f')])
    return rows


def build_short_grid(results: Results) -> list[list[str]]:
    """Return a table for the documentation: for each load and store, tokens a second and CPU ms of nova-consoleauth."""
    ways = list(dict.fromkeys(peer.partition(', ')[2] for peer in results.peers()))
    rows = [['a second (CPU ms of nova-consoleauth)', *(f'{way} process{"es" * (way[-1] != "1")}' for way in ways)]]
    for load, of_load in results.values.items():
        for store in dict.fromkeys(peer.partition(', ')[0] for peer in of_load):
            figures = [of_load.get(f'{store}, {way}') for way in ways]
            rows.append([f'{load}: {store}', *(
                '' if of is None else f'{statistics.median(of["rate"]):,.0f} '
                                      f'({statistics.median(of["consoleauth_ms"]):.1f})' for of in figures)])
    return rows


@contextlib.contextmanager
def _server(store: str) -> Iterator[Any]:
    kinds = {**database_server.SERVERS, **cache_server.SERVERS}
    with kinds[store]() if store in kinds else contextlib.nullcontext() as server:
        yield server


def main() -> None:
    arguments = _parse_arguments()
    seconds = arguments.seconds or (1 if arguments.quick else 5)
    results = Results(about=about.describe({'seconds': seconds, 'at_a_time': arguments.at_a_time}))
    with RabbitMQ() as broker:
        for store in arguments.stores:
            with _server(store) as server:
                for backend, processes in itertools.product(arguments.backends, arguments.processes):
                    print(f'{store}, {backend}, {processes}', file=sys.stderr)
                    measure(results, store, backend, processes, broker, server, at_a_time=arguments.at_a_time,
                            seconds=seconds)
    if arguments.json:
        results.write(arguments.json)
    if arguments.rst:
        arguments.rst.write_text(table.format_rst(build_short_grid(results)))
    print(table.format_text(build_grid(results)), end='')


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true', help='a second each, less than five minutes in all')
    parser.add_argument('--seconds', type=float, help='for which each load is measured')
    parser.add_argument('--at-a-time', type=int, default=32, help='calls under way')
    parser.add_argument('--stores', nargs='+', choices=STORES, default=STORES)
    parser.add_argument('--backends', nargs='+', choices=BACKENDS, default=BACKENDS)
    parser.add_argument('--processes', nargs='+', type=int, default=(1, 2))
    parser.add_argument('--json', type=Path, help='where the results are written')
    parser.add_argument('--rst', type=Path, help='where a short table for the documentation is written')
    return parser.parse_args()


if __name__ == '__main__':
    main()
