# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-status upgrade check, as an operator runs it: on a real RabbitMQ, with services that are there or not."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import oslo_messaging
import pytest

from nova_vnc.conf import opts
from nova_vnc.rpc import consoleauth
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.server import BackgroundServer
from tests.fixtures.bus import new_conf
from tests.fixtures.fail import unexpected
from tests.fixtures.nova_confs import nova_conf
from tests.fixtures.nova_database import create_tables
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service, format_conf
from tests.fixtures.rabbitmq import RabbitMQ

pytestmark = pytest.mark.once

WEAK, RETIRED = 'Options that are set but weak', 'Options without meaning'
BROKER, CONSUMERS = 'Message broker', 'Consumers of the queues'
STORES = 'Token store, instance directory and database'
SUCCESS, WARNING, FAILURE = 0, 1, 2


@pytest.fixture(scope='module')
def broker() -> Iterator[RabbitMQ]:
    """One of its own: nobody else is to consume the queue consoleauth there."""
    with RabbitMQ() as broker:
        yield broker


class Operator:
    """Somebody who checks a nova.conf."""

    def __init__(self, directory: Path, transport_url: str) -> None:
        self._path = directory / 'nova.conf'
        self.conf = {'DEFAULT': {'transport_url': transport_url, 'state_path': directory / 'state',
                                 'host': f'compute-{free_port()}'}}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self._path.write_text(format_conf(self.conf))
        command = [Path(sys.executable).with_name('nova-vnc-status'), '--config-file', self._path, 'upgrade', 'check']
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120)

    def check(self) -> dict[str, tuple[int, str]]:
        """Return (result, details) by the name of each check."""
        done = self.run('--json')
        checks = json.loads(done.stdout)['checks']
        assert done.returncode == max(check['result'] for check in checks)
        return {check['check']: (check['result'], check['details'] or '') for check in checks}


@pytest.fixture
def operator(tmp_path: Path, broker: RabbitMQ) -> Operator:
    return Operator(tmp_path, broker.url)


class NovaConsoleAuth:
    """Nova's own, which has no namespace nova_vnc."""

    target = oslo_messaging.Target(version='2.1')

    def check_token(self, ctxt: object, token: str) -> None:
        return None


@contextlib.contextmanager
def served(broker: RabbitMQ, topic: str, host: str, endpoint: object) -> Iterator[None]:
    conf = new_conf()
    conf.set_override('control_exchange', opts.CONTROL_EXCHANGE)
    transport = rpc_transport.build_transport(conf, broker.url)
    server = BackgroundServer(transport, topic, host, [endpoint])
    server.start(unexpected)
    try:
        yield
    finally:
        server.stop()
        transport.cleanup()


def test_all_is_well(operator: Operator):
    done = operator.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('Result: Success') == 5
    assert not Path(operator.conf['DEFAULT']['state_path']).exists()     # it only looks


def test_what_is_weak_or_without_meaning(operator: Operator):
    operator.conf['DEFAULT'] |= {'vnc_keymap': 'de', 'vncserver_listen': '0.0.0.0'}
    results = operator.check()
    assert results[RETIRED][0] == results[WEAK][0] == WARNING
    assert '[DEFAULT]vnc_keymap (removed in Nova 22.0.0 (Victoria))' in results[RETIRED][1]
    assert results[WEAK][1].startswith('[vnc]server_listen = 0.0.0.0: ')


def test_a_value_that_cannot_be(operator: Operator):
    operator.conf['consoleauth'] = {'token_ttl': 'soon'}
    results = operator.check()
    assert results[WEAK] == (FAILURE, results[WEAK][1])
    assert '[consoleauth]token_ttl = soon' in results[WEAK][1]
    assert results[BROKER][0] == SUCCESS


def test_a_broker_that_is_away(operator: Operator):
    operator.conf['DEFAULT']['transport_url'] = f'rabbit://nova:secret@127.0.0.1:{free_port()}/'
    results = operator.check()
    assert results[BROKER][0] == FAILURE
    assert '[DEFAULT]transport_url' in results[BROKER][1]
    assert results[CONSUMERS][0] == WARNING
    assert 'secret' not in str(results)


def test_databases(operator: Operator, tmp_path: Path):
    create_tables(f'sqlite:///{tmp_path}/nova_cell1.sqlite', '34.0.0')
    create_tables(f'sqlite:///{tmp_path}/nova_cell0.sqlite', '34.0.0')
    for name, result, words in (('nova_cell1', SUCCESS, ''), ('nova_cell0', FAILURE, "is Nova's cell0")):
        operator.conf['database'] = {'connection': f'sqlite:///{tmp_path}/{name}.sqlite'}
        assert operator.check()[STORES][0] == result
        assert words in operator.check()[STORES][1]
    operator.conf['database'] = {'connection': f'mysql+pymysql://nova:secret@127.0.0.1:{free_port()}/nova'}
    result, details = operator.check()[STORES]
    assert result == WARNING
    assert 'would wait for it' in details
    assert 'secret' not in details


def test_a_cache_that_cannot_be_shared(operator: Operator):
    operator.conf['cache'] = {'enabled': True, 'backend': 'oslo_cache.dict'}
    result, details = operator.check()[STORES]
    assert result == WARNING
    assert '[cache]backend = oslo_cache.dict' in details


def test_who_consumes_the_queues(operator: Operator, broker: RabbitMQ, tmp_path: Path):
    def expect(result: int, words: str) -> None:
        wait_until(lambda: operator.check()[CONSUMERS][0] == result, 60, words)
        assert words in operator.check()[CONSUMERS][1]
    host = str(operator.conf['DEFAULT']['host'])
    with served(broker, consoleauth.TOPIC, 'foreign', NovaConsoleAuth()):
        expect(WARNING, "is consumed by Nova's own nova-consoleauth.")
        with Service('nova-consoleauth', operator.conf, tmp_path):
            expect(FAILURE, 'Stop one of them.')
    with served(broker, 'compute', host, NovaConsoleAuth()), served(broker, 'compute', host, NovaConsoleAuth()):
        expect(FAILURE, f'The queue compute.{host} has 2 consumers')
    with Service('nova-consoleauth', operator.conf, tmp_path):
        expect(SUCCESS, '')


@pytest.mark.parametrize('deployment', ['devstack', 'kolla', 'osa', 'helm', 'tripleo'])
def test_a_whole_file_can_be_checked(operator: Operator, tmp_path: Path, deployment: str):
    path = tmp_path / 'whole.conf'
    path.write_text(nova_conf(deployment, 'nova-novncproxy').read_text())
    machine = tmp_path / 'machine.conf'
    machine.write_text(format_conf({
        'DEFAULT': {**operator.conf['DEFAULT'], 'log_dir': '', 'log_file': '', 'log_config_append': '',
                    'use_journal': False},
        'database': {'connection': ''}, 'api_database': {'connection': ''}, 'cache': {'enabled': False}}))
    done = subprocess.run([Path(sys.executable).with_name('nova-vnc-status'), '--config-file', path, '--config-file',
                           machine, 'upgrade', 'check', '--json'], capture_output=True, text=True, timeout=120)
    results = {check['check']: check['result'] for check in json.loads(done.stdout)['checks']}
    assert results[BROKER] == results[STORES] == SUCCESS, done.stdout
    assert done.returncode in (SUCCESS, WARNING)
    assert 'Traceback' not in done.stdout + done.stderr


def test_what_is_no_file(tmp_path: Path):
    command = [Path(sys.executable).with_name('nova-vnc-status'), '--config-file', tmp_path / 'none.conf']
    done = subprocess.run([*command, 'upgrade', 'check'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 255
    assert len(done.stderr.splitlines()) == 1
