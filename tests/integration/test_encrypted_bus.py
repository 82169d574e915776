# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ over TLS, by the lines of doc/source/admin/encrypted-bus.rst."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from nova_vnc.rpc import broker, broker_log
from nova_vnc.rpc import transport as rpc_transport
from tests.fixtures.bus import new_conf
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.cloud import Cloud
from tests.fixtures.examples import example_conf, example_text
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service, format_conf
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import assert_no_traceback, wait_for_session

PAGE = 'admin/encrypted-bus'
OPTIONS = example_conf(PAGE, 'bus')['oslo_messaging_rabbit']
RECOVERED_WITHIN_S = 90
# Of 127.0.0.1, as the resolver understands it; kombu does so itself with localhost.
OTHER_NAME = '127.1'


class Secured(NamedTuple):
    """
    :ivar files: where the example has /etc/nova/tls; other.pem is another CA
    :ivar options: of [oslo_messaging_rabbit]
    """

    broker: RabbitMQ
    files: Path
    options: dict[str, str]

    def look(self, url: str = '', **options: Any) -> None:
        """Look at the broker as the services do; None leaves an option out."""
        path = self.files / 'nova.conf'
        path.write_text(format_conf({'oslo_messaging_rabbit': {**self.options, **options}}))
        try:
            looked_at = rpc_transport.broker_of(rpc_transport.build_transport(new_conf(path), url or self.broker.url))
            assert looked_at is not None
            looked_at.look()
        finally:
            broker_log.install()


@pytest.fixture(scope='module')
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    files = tmp_path_factory.mktemp('tls')
    authority = CertificateAuthority(files / 'ca')
    (files / 'ca.pem').write_bytes(authority.ca.read_bytes())
    authority.server('127.0.0.1').copy_to(files / 'rabbit.pem', files / 'rabbit-key.pem')
    authority.client().copy_to(files / 'nova.pem', files / 'nova-key.pem')
    other = CertificateAuthority(files / 'other')
    (files / 'other.pem').write_bytes(other.ca.read_bytes())
    other.client().copy_to(files / 'stranger.pem', files / 'stranger-key.pem')
    lines = example_text(PAGE, 'rabbitmq').replace('/etc/rabbitmq/tls', str(files))
    with RabbitMQ(tls=lines) as node:
        yield Secured(node, files, {name: value.replace('/etc/nova/tls', str(files))
                                    for name, value in OPTIONS.items()})


def test_a_console_and_a_restart_of_the_broker(secured: Secured):
    node = secured.broker
    with Cloud(node.url, options={'oslo_messaging_rabbit': secured.options}) as cloud:
        instance_uuid = demo_instance_uuid(cloud.host)
        with wait_for_session(cloud, instance_uuid, RECOVERED_WITHIN_S) as session:
            session.see_typed('before')
        connections = json.loads(node.rabbitmqctl('--formatter', 'json', '--silent', 'list_connections', 'ssl',
                                                  'ssl_protocol', 'peer_cert_subject'))
        assert {(row['ssl'], row['ssl_protocol'], row['peer_cert_subject']) for row in connections} == {
            (True, 'tlsv1.3', 'CN=nova-novncproxy')}

        node.restart()
        with wait_for_session(cloud, instance_uuid, RECOVERED_WITHIN_S) as session:
            session.see_typed('after')
        assert_no_traceback(cloud.services)


@pytest.mark.once
@pytest.mark.parametrize('options', [{}, {'ssl_version': 'SSLv23'}, {'ssl_version': 'tlsv1_2'}], ids=str)
def test_a_look_at_the_broker(secured: Secured, options: dict[str, str]):
    secured.look(**options)


@pytest.mark.once
def test_each_of_several_brokers_has_a_name_of_its_own(secured: Secured):
    port = secured.broker.port
    secured.look(f'rabbit://guest:guest@{OTHER_NAME}:{port},guest:guest@127.0.0.1:{port}/')


@pytest.mark.once
@pytest.mark.parametrize(('options', 'words'), [
    ({'ssl_ca_file': 'other.pem'}, 'does not hold by [oslo_messaging_rabbit]ssl_ca_file = {}/other.pem'),
    ({'ssl_ca_file': None}, 'set [oslo_messaging_rabbit]ssl_ca_file'),
    ({'ssl_ca_file': 'none.pem'}, '[oslo_messaging_rabbit]ssl_ca_file = {}/none.pem: No such file or directory'),
    ({'ssl_key_file': 'nova.conf'}, '[oslo_messaging_rabbit]ssl_key_file = {}/nova.conf: no PEM file'),
    ({'ssl_key_file': 'stranger-key.pem'}, '{}/stranger-key.pem is not the key of ssl_cert_file'),
    ({'ssl_cert_file': None, 'ssl_key_file': None}, 'set [oslo_messaging_rabbit]ssl_cert_file and ssl_key_file'),
    ({'ssl_cert_file': None}, '[oslo_messaging_rabbit]ssl_key_file needs ssl_cert_file'),
    ({'ssl_cert_file': 'stranger.pem', 'ssl_key_file': 'stranger-key.pem'},
     'take [oslo_messaging_rabbit]ssl_cert_file = {}/stranger.pem'),
    ({'ssl': False}, 'its port speaks TLS, set [oslo_messaging_rabbit]ssl = True'),
], ids=str)
def test_what_is_wrong_names_the_option(secured: Secured, options: dict[str, Any], words: str):
    in_place = {name: f'{secured.files}/{value}' if isinstance(value, str) else value
                for name, value in options.items()}
    with pytest.raises(broker.ERRORS) as caught:
        secured.look(**in_place)
    assert words.format(secured.files) in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.once
def test_a_certificate_for_another_host(secured: Secured):
    with pytest.raises(broker.ERRORS, match=r'is for another host than 127\.1, which the URL names'):
        secured.look(f'rabbit://guest:guest@{OTHER_NAME}:{secured.broker.port}/')


@pytest.mark.once
def test_a_broker_without_tls(secured: Secured, rabbitmq: RabbitMQ):
    with pytest.raises(broker.ERRORS, match=r'speaks no TLS, which \[oslo_messaging_rabbit\]ssl = True asks for'):
        secured.look(rabbitmq.url)


def test_service_and_upgrade_check_say_the_same(secured: Secured, tmp_path: Path):
    options = {**secured.options, 'ssl_ca_file': f'{secured.files}/other.pem'}
    conf = {'DEFAULT': {'transport_url': secured.broker.url, 'state_path': tmp_path, 'host': f'compute-{free_port()}'},
            'oslo_messaging_rabbit': options}
    words = f'its certificate does not hold by [oslo_messaging_rabbit]ssl_ca_file = {secured.files}/other.pem'
    with Service('nova-consoleauth', conf, tmp_path) as service:
        service.wait_for_line(r'ERROR .*The message broker .* cannot be used: ' + re.escape(words[:60]), 60)
        command = [Path(sys.executable).with_name('nova-vnc-status'), '--config-file', service.conf_path]
        done = subprocess.run([*command, 'upgrade', 'check', '--json'], capture_output=True, text=True, timeout=120)
        lines = [line for line in service.output().splitlines() if str(secured.broker.port) in line]
        assert len([line for line in lines if ' ERROR ' in line]) == 1, service.output()
        assert_no_traceback([service])
    checks = {check['check']: check for check in json.loads(done.stdout)['checks']}
    assert checks['Message broker']['result'] == 2
    assert words in checks['Message broker']['details']
    assert 'Traceback' not in done.stderr
