# SPDX-License-Identifier: Apache-2.0
"""A session in a cloud whose services read nova.conf files that were written for Nova, unedited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nova_vnc.concurrency import DISABLE_VARIABLE
from nova_vnc.objects import InstanceRecord
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.cloud import Cloud
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.nova_confs import DIRECTORY
from tests.fixtures.nova_database import ApiDatabase, create_tables, insert_instances
from tests.fixtures.process import Service, format_conf
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import wait_for_session


def check_a_session(broker: RabbitMQ, libvirtd: Libvirtd, name: str, conf_of: Callable[[str], Path]) -> None:
    """With these files, on the database of a cell of Nova's, in which the VM is, there is a session.

    :param name: of the VM
    :param conf_of: returns the file that a command reads
    """
    cloud = Cloud(broker.url, libvirtd.uri)
    guest = libvirtd.define_guest(display_name=name)
    try:
        database = f'sqlite:///{cloud.directory / "nova.sqlite"}'
        create_tables(database, '34.0.0')
        insert_instances(database, [InstanceRecord(
            guest.uuid, 7, 'instance-00000007', name, cloud.host, 'a11ce', 'alice')])
        api_database = ApiDatabase(f'sqlite:///{cloud.directory / "nova_api.sqlite"}')
        api_database.add_cell(1, '{scheme}://' + database.removeprefix('sqlite://'), broker.url)
        api_database.map_instance(guest.uuid, 1)
        for service in cloud.services:
            _read_file(service, cloud, conf_of(service.name), database, api_database.url)
        with cloud.api:     # with the Keystone of the file, which is not there
            cloud.api.wait_until(lambda: cloud.api_port in cloud.api.listening_ports(), 60, 'listens')
            assert cloud.request('GET', '/').status_code == 200
        _add_lines(cloud.api, {'api': {'auth_strategy': 'noauth2'}})
        with cloud:
            with wait_for_session(cloud, guest.uuid) as session:
                assert session.see_screen() == (640, 480)
            assert 'Tokens are in the store database' in cloud.consoleauth.output()
            knows_cells = _names_api_database(conf_of('nova-consoleauth'))
            assert ('of each cell' in cloud.consoleauth.output()) is knows_cells
            _assert_nothing_to_worry_about(cloud)
    finally:
        cloud.close()
        guest.remove()


def _names_api_database(path: Path) -> bool:
    _, found, section = path.read_text().partition('\n[api_database]\n')
    return bool(found) and any(line.startswith('connection') for line in section.partition('\n[')[0].splitlines())


def _read_file(service: Service, cloud: Cloud, path: Path, database: str, api_database: str) -> None:
    """Let a service read this file, and after it what stands for the machine: names, addresses, directories."""
    conf = cloud.conf()
    names = ('host', 'state_path', 'transport_url', 'osapi_compute_listen_port')
    service.conf_path.write_text(path.read_text())
    _add_lines(service, {
        'DEFAULT': {**{name: conf['DEFAULT'][name] for name in names}, 'my_ip': '127.0.0.1',
                    'osapi_compute_listen': '127.0.0.1', 'web': '/usr/share/novnc',
                    'log_dir': '', 'log_file': '', 'use_journal': False,    # there is no journald
                    'log_config_append': DIRECTORY / 'helm-logging.conf' if 'helm' in path.name else ''},
        # Where the file refers to my_ip it does so still.
        'vnc': {**conf['vnc'], 'server_proxyclient_address': None if '$my_ip' in path.read_text() else '127.0.0.1',
                **(_certificate_files(cloud) if 'vencrypt_ca_certs' in path.read_text() else {})},
        'libvirt': conf['libvirt'],
        'database': {'connection': database},
        'api_database': {'connection': api_database} if _names_api_database(path) else {},
        'oslo_messaging_notifications': {'transport_url': conf['DEFAULT']['transport_url']}})
    if concurrency_backend() == 'threading':
        service.environment[DISABLE_VARIABLE] = '1'


def _certificate_files(cloud: Cloud) -> dict[str, object]:
    """OpenStack-Ansible asks for VeNCrypt, and for files that are not here."""
    authority = CertificateAuthority(cloud.directory / 'pki')
    mine = authority.client()
    return {'vencrypt_ca_certs': authority.ca, 'vencrypt_client_cert': mine.cert, 'vencrypt_client_key': mine.key}


def _add_lines(service: Service, lines: dict[str, dict[str, object]]) -> None:
    """Add one more --config-file."""
    path = service.directory / f'{service.name}-{len(service.argv)}.conf'
    path.write_text(format_conf(lines))
    service.argv += ['--config-file', str(path)]


def _assert_nothing_to_worry_about(cloud: Cloud) -> None:
    log = cloud.output()
    assert 'Listening for browsers' in log
    # The test itself may have come too early for nova-consoleauth.
    lines = [line for line in log.splitlines() if 'Request refused: ' not in line]
    for word in ('WARNING', 'ERROR', 'CRITICAL', 'Traceback', 'Logging error', 'Deprecat'):
        assert not [line for line in lines if word in line]
