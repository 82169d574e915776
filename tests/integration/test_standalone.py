# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-standalone, as a newcomer starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.pictures import demo_text, find_picture
from tests.fixtures.polling import wait_until
from tests.fixtures.standalone import Standalone


@pytest.fixture(scope='module')
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with Standalone(tmp_path_factory.mktemp('standalone'), '--port', '0', '--debug') as process:
        process.console_url()
        yield process


@pytest.mark.skipif(concurrency_backend() == 'threading', reason='Chromium runs under the default backend')
def test_a_word_typed_in_the_browser_is_read_back_from_the_screenshot(standalone: Standalone, browser: Browser):
    browser.open(standalone.console_url())
    browser.wait_for_title('demo')
    word = demo_text('Grenouille42')
    assert not find_picture(browser.screenshot(), word)
    browser.type('Grenouille42')
    wait_until(lambda: find_picture(browser.screenshot(), word), 30, 'the word on the screen')


def test_the_api_takes_its_own_token_and_its_own_address_only(standalone: Standalone):
    assert standalone.openrc_path().stat().st_mode & 0o077 == 0
    values = standalone.openrc()
    url = values['OS_COMPUTE_ENDPOINT_OVERRIDE'] + '/servers'
    good = {'X-Auth-Token': values['OS_TOKEN']}
    assert requests.get(url, headers=good, timeout=30).ok
    assert requests.get(url, timeout=30).status_code == 401
    assert requests.get(url, headers={'X-Auth-Token': 'admin:admin'}, timeout=30).status_code == 401
    stranger = requests.get(url, headers=good | {'Host': 'attacker.example'}, timeout=30)
    assert stranger.status_code in (400, 403, 421)
    assert 'servers' not in stranger.json()


@pytest.mark.parametrize('arguments', [('server', 'list'), ('server', 'show', 'demo'),
                                       ('console', 'url', 'show', '--novnc', 'demo')])
def test_openstack_works_with_its_openrc(standalone: Standalone, tmp_path: Path, arguments: tuple[str, ...]):
    done = subprocess.run([Path(sys.executable).with_name('openstack'), *arguments], capture_output=True, text=True,
                          timeout=60, env=standalone.openrc() | {'HOME': str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert 'demo' in done.stdout or 'http://127.0.0.1' in done.stdout


def test_all_its_ports_are_on_loopback(standalone: Standalone):
    addresses = {connection.laddr.ip for process in standalone._alive()
                 for connection in process.net_connections('tcp') if connection.status == 'LISTEN'}
    assert addresses == {'127.0.0.1'}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_and_leaves_nothing(tmp_path: Path, number: int):
    with Standalone(tmp_path, '--port', '0') as process:
        process.console_url()
        state = process.openrc_path().parent
        assert os.path.isdir(state)
        process.signal(number)
        assert process.wait(10) == 0
        assert not os.path.exists(state)


def test_a_database_that_cannot_be_used_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / 'nova-vnc.sqlite').write_text('no database')
    with Standalone(tmp_path, '--port', '0', '--state-path', str(tmp_path)) as standalone:
        standalone.wait_for_line('The database .* cannot be used', 60)
        standalone.wait_for_line('Waiting for a running VM', 60)
        (tmp_path / 'nova-vnc.sqlite').unlink()
        assert standalone.console_url()
        assert 'Traceback' not in standalone.output()


def test_a_port_in_use_is_one_line(tmp_path: Path):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with Standalone(tmp_path, '--port', str(port)) as process:
            assert process.wait(60) == 1
            assert re.search(rf'novncproxy_port.*{port}|{port}.*novncproxy_port', process.output())
            assert 'Traceback' not in process.output()


def test_real_vms_with_libvirt(tmp_path: Path, libvirtd: Libvirtd):
    guest = libvirtd.define_guest(display_name='real')
    try:
        with Standalone(tmp_path, '--port', '0', '--libvirt', libvirtd.uri) as process:
            assert re.match(r'http://127\.0\.0\.1:\d+/vnc_auto\.html\?path=%3Ftoken%3D', process.console_url())
            assert guest.uuid in process.output()
    finally:
        guest.remove()
