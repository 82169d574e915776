# SPDX-License-Identifier: Apache-2.0
"""Services of Nova's from the time when replies went through an exchange of their own (Queens and before)."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kombu
import oslo_messaging
import pytest

from nova_vnc import exception, objects
from nova_vnc.access_url import build_access_url
from nova_vnc.compute.virt.demo.driver import DemoDriver, demo_instance_uuid
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.rpc import caller as rpc_caller
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.compute import ComputeAPI
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI, version_to_send
from nova_vnc.rpc.reply_exchange import PATIENCE_S, ReplyExchange
from nova_vnc.rpc.server import BackgroundServer
from tests.fixtures.bus import new_conf
from tests.fixtures.console_client import open_console
from tests.fixtures.fail import unexpected
from tests.fixtures.old_server import OldServer
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ
from tests.fixtures.vectors import Vector

pytestmark = pytest.mark.once

SESSIONS = 60
AT_ONCE = 12
READY_S = 60
CTXT = service_context()


@pytest.fixture(scope='module')
def broker() -> Iterator[RabbitMQ]:
    """One whose exchanges are counted, and which an old nova-consoleauth has for itself."""
    with RabbitMQ() as broker:
        yield broker


def new_caller(broker: RabbitMQ) -> rpc_caller.Caller:
    opts.set_defaults()
    return rpc_caller.Caller(rpc_transport.build_transport(new_conf(), broker.url), max_concurrent=SESSIONS)


def reply_exchanges(broker: RabbitMQ) -> set[str]:
    rows = broker.rabbitmqctl('--silent', 'list_exchanges', 'name', 'type', 'auto_delete')
    return {row.split('\t')[0] for row in rows.splitlines() if row.startswith('reply_')}


@pytest.fixture
def old_vhost(broker: RabbitMQ) -> Iterator[str]:
    """The URL of a virtual host of one's own."""
    name = f'old-{uuid.uuid4()}'
    broker.rabbitmqctl('add_vhost', name)
    broker.rabbitmqctl('set_permissions', '-p', name, 'guest', '.*', '.*', '.*')
    yield f'{broker.url}{name}'
    broker.rabbitmqctl('delete_vhost', name)


class OldTokens:
    """What nova-consoleauth of Queens knows."""

    def __init__(self) -> None:
        self.infos: dict[str, dict[str, Any]] = {}

    def add(self, info: objects.ConnectInfo) -> None:
        self.infos[info.token] = info.to_dict()

    def check_token(self, token: str) -> dict[str, Any] | None:
        return self.infos.get(token)


@pytest.fixture(scope='module')
def old_consoleauth(broker: RabbitMQ) -> Iterator[tuple[OldTokens, OldServer]]:
    tokens = OldTokens()
    with OldServer(broker.url, 'consoleauth', {'check_token': tokens.check_token}, '2.1') as server:
        yield tokens, server


@pytest.fixture(scope='module')
def proxy(tmp_path_factory: pytest.TempPathFactory, broker: RabbitMQ, old_consoleauth: Any) -> Iterator[Service]:
    port = free_port()
    with Service('nova-novncproxy', {
            'DEFAULT': {'debug': True, 'transport_url': broker.url},
            'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': port}},
            tmp_path_factory.mktemp('proxy')) as service:
        service.wait_until(lambda: port in service.listening_ports(), READY_S, 'listening')
        service.port = port     # type: ignore[attr-defined]
        yield service


@pytest.fixture(scope='module')
def vnc_port() -> Iterator[int]:
    """A demo guest in this process."""
    driver = DemoDriver('demo')
    driver.start(lambda: None, unexpected)
    instance, = driver.list_instances()
    yield int(driver.get_vnc_console(instance.uuid).port)
    driver.stop()


@pytest.mark.interop('our novncproxy -> check_token of nova-consoleauth', 'queens')
def test_our_proxy_opens_every_console_of_an_old_consoleauth(proxy: Service, old_consoleauth: Any, vnc_port: int):
    tokens, server = old_consoleauth
    urls = []
    for _ in range(SESSIONS):
        token = str(uuid.uuid4())
        url = build_access_url(f'http://127.0.0.1:{proxy.port}/vnc_auto.html', token)   # type: ignore[attr-defined]
        tokens.add(objects.ConnectInfo(token=token, console_type='novnc', host='127.0.0.1', port=str(vnc_port),
                                       instance_uuid=str(uuid.uuid4()), access_url=url))
        urls.append(url)

    def open_and_see(url: str) -> bool:
        with open_console(url) as session:
            return session.see_screen() > (0, 0)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(open_and_see, urls)) == SESSIONS
    assert not server.dropped
    # That it is not ours is asked once by all of them together, unless its first reply takes long, and said once.
    assert server.methods_asked().count(('nova_vnc', 'check_token')) <= AT_ONCE
    output = proxy.output()
    assert output.count("is Nova's own") == 1
    assert 'Traceback' not in output


@pytest.fixture(scope='module')
def consoleauth(tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ) -> Iterator[Service]:
    directory: Path = tmp_path_factory.mktemp('consoleauth')
    with Service('nova-consoleauth', {'DEFAULT': {'debug': True, 'state_path': directory,
                                                  'transport_url': rabbitmq.url}}, directory) as service:
        yield service


@pytest.mark.interop('our nova-consoleauth -> validate_console_port of nova-compute', 'queens')
def test_our_consoleauth_asks_an_old_compute(consoleauth: Service, rabbitmq: RabbitMQ):
    """Its own clients are new, so only what it asks of the host goes to an old server."""
    host = f'old-{uuid.uuid4()}'
    valid_port = '15900'
    api = ConsoleAuthAPI(new_caller(rabbitmq))
    records = [objects.InstanceRecord(uuid=str(uuid.uuid4()), host=host) for _ in range(SESSIONS)]
    with OldServer(rabbitmq.url, f'compute.{host}', {
            'validate_console_port': lambda instance, port, console_type: port == valid_port}, '4.22') as server:
        def is_known() -> bool:
            with contextlib.suppress(exception.NovaVNCError):
                api.report_instances(CTXT, host, records)
                return bool(api.get_instance(CTXT, records[-1].uuid))
            return False
        wait_until(is_known, READY_S, 'nova-consoleauth to know the VMs', interval_s=0.5)

        def check(record: objects.InstanceRecord) -> objects.TokenCheck:
            token = str(uuid.uuid4())
            api.authorize_console(CTXT, objects.ConnectInfo(
                token=token, console_type='novnc', host='192.0.2.1', port=valid_port, instance_uuid=record.uuid,
                access_url=f'http://proxy.example.org/vnc_auto.html?token={token}'))
            return api.check_token(CTXT, token)
        checks = [check(records[0])]    # who waits for a host that has never answered has few places
        with ThreadPoolExecutor(AT_ONCE) as pool:
            checks += pool.map(check, records[1:])
        assert [check.reason for check in checks] == [None] * SESSIONS
        assert not server.dropped
        asked = server.methods_asked()
        assert asked.count(('nova_vnc', 'validate_console')) == 1
        assert asked.count((None, 'validate_console_port')) >= SESSIONS


class Console:
    """get_vnc_console of an old nova-compute."""

    def __call__(self, instance: dict[str, Any], console_type: str) -> dict[str, Any]:
        return {'token': str(uuid.uuid4()), 'host': '192.0.2.1', 'port': '5900', 'internal_access_path': None}


@pytest.fixture
def old_compute(broker: RabbitMQ) -> Iterator[tuple[objects.InstanceRecord, OldServer]]:
    instance = objects.InstanceRecord(uuid=str(uuid.uuid4()), host=f'old-{uuid.uuid4()}')
    with OldServer(broker.url, f'compute.{instance.host}', {'get_vnc_console': Console()}, '4.22') as server:
        yield instance, server


QUEENS = {name: Vector(f'queens-17.0.13-{name}') for name in (
    'authorize_console', 'check_token', 'delete_tokens_for_instance')}
# What a nova-consoleauth of 17.0.13 answered to its check_token.
QUEENS_ANSWER = {
    'instance_uuid': '9169fdb2-5b74-46b1-9803-60d2926bd97c', 'internal_access_path': None,
    'last_activity_at': 1795337073.101387, 'console_type': 'novnc', 'host': '127.0.0.1',
    'token': '5e083427-0000-4000-8000-000000000000', 'port': '15900',
    'access_url': 'http://127.0.0.1:16017/vnc_auto.html?token=5e083427-0000-4000-8000-000000000000'}


# 2.0 (juno) and 1.2 (havana) are from the table of versions and arguments; 2.1 is what 17.0.13 sent.
@pytest.mark.parametrize(('level', 'version', 'left_out'), [
    ('queens', '2.1', set()), ('juno', '2.0', {'access_url'}), ('havana', '1.2', {'access_url'})])
def test_our_messages_are_those_of_old_clients(old_vhost: str, level: str, version: str, left_out: set[str]):
    with OldServer(old_vhost, 'consoleauth', {
            'authorize_console': lambda **arguments: None, 'check_token': lambda token: QUEENS_ANSWER,
            'delete_tokens_for_instance': lambda instance_uuid: None}, version) as server:
        opts.set_defaults()
        transport = rpc_transport.build_transport(new_conf(), old_vhost)
        api = ConsoleAuthAPI(rpc_caller.Caller(transport), READY_S, version_to_send(level))
        info = objects.ConnectInfo.from_dict(QUEENS['authorize_console'].args)
        api.authorize_console(CTXT, info)
        answer = api.check_token(CTXT, info.token)
        api.delete_tokens_for_instance(CTXT, info.instance_uuid)
        wait_until(lambda: len(server.messages) == 4, READY_S, 'all of them')
        assert answer == objects.TokenCheck(objects.ConnectInfo.from_dict(QUEENS_ANSWER))
        ours = {message['method']: message for message in server.messages if 'namespace' not in message}
        assert ours.keys() == QUEENS.keys()
        for name, vector in QUEENS.items():
            assert ours[name]['version'] == version
            assert ours[name]['args'].keys() == vector.args.keys() - left_out
            # A cast says nowhere that it wants an answer.
            for key in ('_msg_id', '_reply_q', '_unique_id'):
                assert (key in ours[name]) is (key in vector.message)
        assert ours['authorize_console']['args'] == {
            key: value for key, value in QUEENS['authorize_console'].args.items() if key not in left_out}


def test_our_compute_does_not_report_to_an_old_consoleauth(old_vhost: str, tmp_path: Path):
    with OldServer(old_vhost, 'consoleauth', {}, '2.1') as server, Service('nova-vnc-compute', {
            'DEFAULT': {'debug': True, 'host': 'compute1', 'compute_driver': 'demo', 'transport_url': old_vhost},
            'compute': {'report_interval': 1}}, tmp_path) as compute:
        compute.wait_for_line("is Nova's own, which takes no reports", READY_S)
        # It has had the time for several reports.
        marker = rpc_caller.Caller(rpc_transport.build_transport(new_conf(), old_vhost))
        api = ComputeAPI(marker, timeout_s=READY_S)
        instance = objects.InstanceRecord(uuid=demo_instance_uuid('compute1'), host='compute1')
        asked_at = time.monotonic()
        wait_until(lambda: api.get_vnc_console(CTXT, instance, 'novnc') and time.monotonic() > asked_at + 4, READY_S,
                   'it to answer for a while', interval_s=0.5)
        assert server.methods_asked() == [('nova_vnc', 'check_token')]
        assert 'Cannot report' not in compute.output()


def test_without_the_exchange_there_is_no_answer(broker: RabbitMQ, old_compute: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ReplyExchange, 'see_to_it', lambda self: None)
    instance, server = old_compute
    api = ComputeAPI(new_caller(broker), timeout_s=4)
    with pytest.raises(rpc_caller.NoAnswer):
        api.get_vnc_console(CTXT, instance, 'novnc')
    assert server.messages


def test_an_unknown_version_is_told_and_the_other_one_tried(broker: RabbitMQ, old_compute: Any):
    instance, server = old_compute
    api = ComputeAPI(new_caller(broker), timeout_s=READY_S)
    started = time.monotonic()
    assert api.get_vnc_console(CTXT, instance, 'novnc')['port'] == '5900'
    assert [message['version'] for message in server.messages] == ['5.0', '4.0']
    first_s = time.monotonic() - started
    started = time.monotonic()
    assert api.get_vnc_console(CTXT, instance, 'novnc')['port'] == '5900'
    # Once the exchange is there, nobody waits for it.
    assert time.monotonic() - started < max(first_s, PATIENCE_S)


def test_the_exchange_goes_with_its_queue(broker: RabbitMQ, old_compute: Any):
    instance, server = old_compute
    api = ComputeAPI(new_caller(broker), timeout_s=READY_S)
    before = reply_exchanges(broker)
    api.get_vnc_console(CTXT, instance, 'novnc')
    queue, = {message['_reply_q'] for message in server.messages}
    assert reply_exchanges(broker) - before == {queue}
    with kombu.Connection(broker.url.replace('rabbit://', 'amqp://')) as connection:
        connection.default_channel.queue_delete(queue)
    assert queue not in reply_exchanges(broker)
    # As after a restart of the broker: oslo.messaging has its queue again, and the exchange comes with the next call.
    def is_there_again() -> bool:
        with contextlib.suppress(exception.ServiceUnavailable):
            return api.get_vnc_console(CTXT, instance, 'novnc')['port'] == '5900' and queue in reply_exchanges(broker)
        return False
    wait_until(is_there_again, READY_S, 'the exchange to be there again')
    # The queue to learn its name from is gone as well.
    assert not [row['name'] for row in broker.queues() if row['name'].startswith('nova_vnc_')]


def test_where_all_is_new_there_is_no_exchange(broker: RabbitMQ):
    host = f'new-{uuid.uuid4()}'
    transport = rpc_transport.build_transport(new_conf(), broker.url)
    server = BackgroundServer(transport, 'compute', host, [NewCompute()])
    server.start(unexpected)
    assert server.wait_listening(READY_S)
    before = reply_exchanges(broker)
    api = ComputeAPI(new_caller(broker), timeout_s=READY_S)
    # The first one may be held up by the connections that it needs.
    api.get_vnc_console(CTXT, objects.InstanceRecord(uuid=str(uuid.uuid4()), host=host), 'novnc')
    for _ in range(SESSIONS):
        api.get_vnc_console(CTXT, objects.InstanceRecord(uuid=str(uuid.uuid4()), host=host), 'novnc')
    server.stop()
    assert len(reply_exchanges(broker) - before) <= 1


class NewCompute:
    target = oslo_messaging.Target(version='5.0')

    def get_vnc_console(self, ctxt: Any, **arguments: Any) -> dict[str, Any]:
        return {'port': '5900'}
