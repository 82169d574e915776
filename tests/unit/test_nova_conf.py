# SPDX-License-Identifier: Apache-2.0
"""A service starts with a nova.conf that was written for Nova, and minds only the options that it uses.

Here services are built, up to their first connection; tests/integration runs them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_vnc import exception
from nova_vnc.api import factory as api_factory
from nova_vnc.compute import factory as compute_factory
from nova_vnc.conf import refusal
from nova_vnc.consoleauth import factory as consoleauth_factory
from nova_vnc.novncproxy import factory as novncproxy_factory
from nova_vnc.rpc import transport as rpc_transport
from tests.fixtures.bus import new_conf
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.nova_confs import DEPLOYMENTS, DIRECTORY, nova_conf

BUILDERS: dict[str, Callable[..., Any]] = {
    'nova-vnc-api': api_factory.build_service, 'nova-vnc-compute': compute_factory.build_service,
    'nova-consoleauth': consoleauth_factory.build_service, 'nova-novncproxy': novncproxy_factory.build_service}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a file with what is different on each machine."""
    (tmp_path / 'core').mkdir()
    (tmp_path / 'core/rfb.js').touch()
    path = tmp_path / 'machine.conf'
    authority = CertificateAuthority(tmp_path / 'pki')
    mine = authority.client()
    path.write_text(f'[DEFAULT]\nweb = {tmp_path}\nstate_path = {tmp_path}\n'
                    f'[vnc]\nvencrypt_ca_certs = {authority.ca}\nvencrypt_client_cert = {mine.cert}\n'
                    f'vencrypt_client_key = {mine.key}\n')
    return path


@contextlib.contextmanager
def built(command: str, *files: Path) -> Iterator[Any]:
    """Build a service as its command does."""
    conf = new_conf(*files)
    with refusal.naming_options(conf):
        bus = rpc_transport.build_transport(conf)
        try:
            yield BUILDERS[command](conf, bus)
        finally:
            bus.cleanup()


def refuse(command: str, *files: Path) -> str:
    with pytest.raises(exception.ConfigurationError) as caught, built(command, *files):
        pass
    assert '\n' not in str(caught.value)
    return str(caught.value)


def lines(path: Path, text: str) -> Path:
    file = path.with_name('lines.conf')
    file.write_text(text)
    return file


class TestWholeFiles:
    @pytest.mark.parametrize('command', [
        'nova-consoleauth', 'nova-novncproxy', pytest.param('nova-vnc-compute', marks=pytest.mark.libvirt)])
    @pytest.mark.parametrize('deployment', DEPLOYMENTS)
    def test_a_service_starts_with_its_own(self, machine: Path, deployment: str, command: str):
        with built(command, nova_conf(deployment, command), machine):
            pass

    @pytest.mark.parametrize('deployment', DEPLOYMENTS)
    def test_the_api_starts_with_keystone_and_without(self, machine: Path, deployment: str):
        path = nova_conf(deployment, 'nova-vnc-api')
        for strategy in ('keystone', 'noauth2'):
            with built('nova-vnc-api', path, machine, lines(machine, f'[api]\nauth_strategy = {strategy}')):
                pass

    @pytest.mark.parametrize('command', [
        'nova-consoleauth', 'nova-novncproxy', pytest.param('nova-vnc-compute', marks=pytest.mark.libvirt)])
    def test_rdo_reads_its_own_defaults_before_it(self, machine: Path, command: str):
        with built(command, DIRECTORY / 'rdo-nova-dist.conf', nova_conf('guide', command), machine):
            pass

    @pytest.mark.parametrize(('deployment', 'address'), {
        'devstack': '192.0.2.11', 'kolla': '192.0.2.21', 'guide': '10.0.0.31', 'osa': '192.0.2.41',
        'helm': '127.0.0.1',    # an init container finds it and adds a file
        'tripleo': 'overcloud-novacompute-0.internalapi.localdomain'}.items())
    @pytest.mark.libvirt
    def test_where_the_vnc_servers_are(self, machine: Path, deployment: str, address: str):
        conf = new_conf(nova_conf(deployment, 'nova-vnc-compute'), machine)
        assert conf.vnc.server_proxyclient_address == address


# What one service uses and the others do not: (its command, group, line).
OF_ONE_SERVICE = [
    ('nova-vnc-api', 'api', 'max_limit = -1'),
    ('nova-vnc-api', 'DEFAULT', 'osapi_compute_listen_port = 70000'),
    ('nova-vnc-compute', 'vnc', 'server_proxyclient_address = no address'),
    ('nova-vnc-compute', 'vnc', 'server_proxyclient_address = $nobody_knows'),
    ('nova-vnc-compute', 'vnc', 'novncproxy_base_url = no url'),
    ('nova-vnc-compute', 'compute', 'report_interval = often'),
    ('nova-consoleauth', 'consoleauth', 'host_stale_after = soon'),
    ('nova-consoleauth', 'consoleauth', 'token_store = punch cards'),
    ('nova-consoleauth', 'database', 'connection = no url'),
    ('nova-consoleauth', 'database', 'connection = sqlite:///nova.sqlite\nmax_pool_size = large'),
    ('nova-novncproxy', 'vnc', 'novncproxy_port = 70000'),
    ('nova-novncproxy', 'vnc', 'auth_schemes = rot13'),
    ('nova-novncproxy', 'novncproxy', 'target_networks = 192.0.2.0/99'),
    ('nova-novncproxy', 'DEFAULT', 'ssl_only = perhaps'),
    ('nova-vnc-compute', 'libvirt', 'virt_type = bhyve'),
]


def needs_libvirt(service: str, group: str) -> bool:
    return service == 'nova-vnc-compute' and group in ('libvirt', 'vnc')


@pytest.mark.parametrize('command', BUILDERS)
@pytest.mark.parametrize(('service', 'group', 'line'), [
    pytest.param(*case, marks=[pytest.mark.libvirt] if needs_libvirt(*case[:2]) else []) for case in OF_ONE_SERVICE])
def test_an_option_of_one_service_stops_no_other(machine: Path, command: str, service: str, group: str, line: str):
    driver = 'libvirt.LibvirtDriver' if needs_libvirt(service, group) else 'demo'
    base = machine.with_name('base.conf')
    base.write_text(f'[DEFAULT]\ncompute_driver = {driver}\n[api]\nauth_strategy = noauth2\n')
    files = base, machine, lines(machine, f'[{group}]\n{line}\n')
    if command != service:
        with built(command, *files):
            pass
        return
    option = line.splitlines()[-1].partition(' ')[0]
    assert option in refuse(command, *files)


@pytest.mark.parametrize('text', [
    '[api]\nmax_limit = 5000', '[api]\nmax_limit = 0', '[DEFAULT]\nosapi_max_limit = 5000',
    '[libvirt]\nvirt_type = xen', '[DEFAULT]\nhost = compute1_nova-compute',
    '[vnc]\nserver_listen = $my_ip\nserver_proxyclient_address = $my_ip',
    '[vnc]\nserver_proxyclient_address = $my_block_storage_ip\nnovncproxy_base_url = http://$my_ip:6080/vnc_auto.html',
    '[DEFAULT]\nvncserver_proxyclient_address = $my_shared_fs_storage_ip\nnovncproxy_host = $my_ip',
    '[DEFAULT]\nlog_dir = /tmp\nrecord = $log_dir/$host\ncert = $pybasedir/self.pem\nkey = $bindir/key',
    '[vnc]\nvencrypt_ca_certs = $instances_path/ca.pem\nvencrypt_client_key = $state_path/key.pem',
    '[libvirt]\nconnection_uri = qemu+tcp://$my_ip/system',
    '[upgrade_levels]\ncompute = 6.5', '[upgrade_levels]\ncompute = dalmatian',
    '[console]\nssl_minimum_version = tlsv1_1\nallowed_origins = a.example,b.example',
    '[DEFAULT]\nmy_ip = ::1\n[vnc]\nserver_listen = ::\nserver_proxyclient_address = $my_ip',
])
@pytest.mark.parametrize('command', BUILDERS)
def test_lines_that_nova_takes(machine: Path, command: str, text: str):
    base = machine.with_name('base.conf')
    base.write_text('[DEFAULT]\ncompute_driver = demo\n[api]\nauth_strategy = noauth2\n')
    with built(command, base, machine, lines(machine, text)):
        pass
