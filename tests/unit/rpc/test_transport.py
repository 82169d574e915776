# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

import pytest

from nova_vnc import exception
from nova_vnc.rpc import broker_log, transport
from tests.fixtures.bus import new_conf


@pytest.mark.parametrize('url', [
    'nosuchdriver://guest:secret@192.0.2.1/', 'guest:secret@192.0.2.1', 'rabbit://guest:secret@192.0.2.1:port/'])
def test_malformed_url(url: str):
    with pytest.raises(exception.ConfigurationError, match=r'^\[DEFAULT\]transport_url ') as caught:
        transport.build_transport(new_conf(), url)
    assert 'secret' not in str(caught.value)


@pytest.mark.parametrize('lock_path', ['', 'lock_path = /var/lib/nova/tmp'])
def test_a_queue_manager_needs_a_place_for_its_locks(lock_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv('OSLO_LOCK_PATH', raising=False)
    path = tmp_path / 'nova.conf'
    path.write_text(f'[oslo_messaging_rabbit]\nuse_queue_manager = true\n[oslo_concurrency]\n{lock_path}\n')
    if lock_path:
        transport.build_transport(new_conf(path), 'rabbit://')
        broker_log.install()
        return
    with pytest.raises(exception.ConfigurationError, match=r'needs \[oslo_concurrency\]lock_path'):
        transport.build_transport(new_conf(path), 'rabbit://')
    transport.build_transport(new_conf(path), 'fake://')    # which has no queues to name


@pytest.mark.parametrize(('url', 'name'), [
    ('rabbit://guest:secret@192.0.2.1:5673/', '192.0.2.1:5673'),
    ('rabbit://guest:secret@a.example.com,guest:secret@[2001:db8::1]:1/v', 'a.example.com:5672, [2001:db8::1]:1'),
    ('rabbit://', 'localhost:5672'),
])
def test_name_of_the_broker(url: str, name: str):
    transport.build_transport(new_conf(), url)
    assert [state._broker.name for state in broker_log._states.values()] == [name]
    broker_log.install()


def test_a_bus_of_a_cell():
    """Its broker is watched beside our own, and messages about it name where its URL stands."""
    try:
        transport.build_transport(new_conf(), 'rabbit://guest:secret@192.0.2.1/')
        with pytest.raises(exception.ConfigurationError, match=r'^the transport_url of a cell mapping is not a URL'):
            transport.build_cell_transport(new_conf(), 'guest:secret@192.0.2.2')
        for _ in range(2):
            transport.build_cell_transport(new_conf(), 'rabbit://guest:secret@192.0.2.2/')
        assert [(state._broker.name, state._option) for state in broker_log._states.values()] == [
            ('192.0.2.1:5672', '[DEFAULT]transport_url'), ('192.0.2.2:5672', 'the transport_url of a cell mapping')]
    finally:
        broker_log.install()


def test_a_version_of_tls_that_does_not_exist(tmp_path: Path):
    path = tmp_path / 'nova.conf'
    path.write_text('[oslo_messaging_rabbit]\nssl = True\nssl_version = TLSv9\n')
    with pytest.raises(exception.ConfigurationError, match=r'^\[oslo_messaging_rabbit\]ssl_version = TLSv9: not '):
        transport.build_transport(new_conf(path), 'rabbit://')
