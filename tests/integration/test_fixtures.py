# SPDX-License-Identifier: Apache-2.0
"""Each real part on its own: it starts, does what the other tests rely on, and leaves nothing behind."""

import contextlib
import socket
import uuid
from pathlib import Path

import kombu
import psutil
import pytest

from tests.fixtures.browser import Browser
from tests.fixtures.domain_xml import NOVA_NAMESPACE
from tests.fixtures.libvirt import Libvirtd, VirshFailed
from tests.fixtures.ports import is_listening
from tests.fixtures.rabbitmq import RabbitMQ

PROJECT, USER = uuid.uuid4().hex, uuid.uuid4().hex


class TestRabbitMQ:
    def test_clients_queues_and_consumers_are_seen(self, rabbitmq: RabbitMQ) -> None:
        with amqp_connection(rabbitmq) as connection:
            port = connection.connection.sock.getsockname()[1]
            queue = kombu.Queue('seen', durable=False, auto_delete=True)(connection.channel())
            queue.declare()
            queue.consume()
            seen = {row['peer_port']: row for row in rabbitmq.connections()}
            assert seen[port]['client_properties']['connection_name'] == 'test'
            assert {'seen'} <= {row['queue_name'] for row in rabbitmq.consumers()}
            assert [row['consumers'] for row in rabbitmq.queues() if row['name'] == 'seen'] == [1]

    def test_durable_state_survives_restart_and_kill_at_the_same_url(self) -> None:
        with RabbitMQ() as node:
            declare_durable(node, 'kept')
            node.restart()
            assert [row['name'] for row in node.queues()] == ['kept']
            node.kill()
            assert not is_listening(node.port)
            node.start()
            assert [row['name'] for row in node.queues()] == ['kept']
        assert not is_listening(node.port)
        assert not node.directory.exists()

    def test_two_nodes_do_not_meet_and_one_may_be_absent_at_first(self, rabbitmq: RabbitMQ) -> None:
        with contextlib.closing(RabbitMQ()) as absent:
            assert absent.url != rabbitmq.url
            assert not is_listening(absent.port)
            absent.start()
            assert absent.connections() == []


def amqp_connection(node: RabbitMQ) -> kombu.Connection:
    # oslo.messaging's rabbit:// is amqp:// to kombu.
    return kombu.Connection(node.url.replace('rabbit:', 'amqp:', 1),
                            transport_options={'client_properties': {'connection_name': 'test'}})


def declare_durable(node: RabbitMQ, name: str) -> None:
    with amqp_connection(node) as connection:
        kombu.Queue(name)(connection.channel()).declare()


class TestLibvirtd:
    def test_a_paused_guest_has_vnc_a_picture_and_novas_metadata(self, libvirtd: Libvirtd) -> None:
        guest = libvirtd.define_guest(display_name='wéb 1', project=PROJECT, user=USER)
        assert guest.state() == 'paused'
        assert read_rfb_banner(guest.vnc_port()) == b'RFB 003.008\n'
        assert guest.screendump().size == (640, 480)
        metadata = guest.xml().find(f'./metadata/{{{NOVA_NAMESPACE}}}instance')
        assert metadata is not None
        assert metadata.findtext(f'{{{NOVA_NAMESPACE}}}name') == 'wéb 1'
        owner = metadata.find(f'{{{NOVA_NAMESPACE}}}owner')
        assert owner is not None
        assert [element.get('uuid') for element in owner] == [USER, PROJECT]
        guest.remove()
        assert guest.name not in libvirtd.virsh('list', '--all', '--name').split()

    def test_typed_keys_show_on_the_guests_screen(self, libvirtd: Libvirtd) -> None:
        guest = libvirtd.define_guest(boots=True, paused=False)
        guest.wait_until_ready()
        assert guest.typed_text() == ''
        guest.send_keys('hello 42')
        guest.wait_for_typed_text('hello 42')
        # The screen stands still, so pictures of it can be compared, and scaled ones read.
        assert guest.screendump() == guest.screendump()
        assert guest.typed_text() == 'hello 42'
        guest.remove()

    def test_a_guest_without_vnc(self, libvirtd: Libvirtd) -> None:
        guest = libvirtd.define_guest(vnc=False)
        with pytest.raises(LookupError):
            guest.vnc_port()
        guest.remove()

    def test_a_guest_that_is_only_defined(self, libvirtd: Libvirtd) -> None:
        instance_uuid = str(uuid.uuid4())
        guest = libvirtd.define_guest('by-hand', instance_uuid, title='A title', start=False)
        assert (guest.uuid, guest.state()) == (instance_uuid, 'shut off')
        assert guest.xml().findtext('title') == 'A title'
        with pytest.raises(LookupError):
            guest.vnc_port()
        guest.start()
        assert guest.state() == 'running'
        guest.suspend()
        assert guest.state() == 'paused'
        guest.resume()
        guest.remove()

    def test_guests_survive_the_daemon_and_end_with_the_fixture(self) -> None:
        with Libvirtd() as daemon:
            guest = daemon.define_guest()
            port = guest.vnc_port()
            daemon.kill()
            assert is_listening(port)
            with pytest.raises(VirshFailed):
                guest.state()
            daemon.start()
            assert (guest.state(), guest.vnc_port()) == ('paused', port)
            daemon.restart()
            assert (guest.state(), guest.vnc_port()) == ('paused', port)
        assert not is_listening(port)
        assert not daemon.directory.exists()

    def test_the_systems_own_directories_are_not_touched(self, libvirtd: Libvirtd) -> None:
        guest = libvirtd.define_guest(start=False)
        assert not Path(f'/etc/libvirt/qemu/{guest.name}.xml').exists()
        guest.remove()


def read_rfb_banner(port: int) -> bytes:
    with socket.create_connection(('127.0.0.1', port), timeout=30) as sock, sock.makefile('rb') as file:
        return file.read(12)


PAGE = """<!DOCTYPE html><title>Typed:</title><p>A local page</p><canvas width=8 height=4></canvas>
<script>
  document.onkeydown = event => { document.title += event.key; };
  const pen = document.querySelector('canvas').getContext('2d');
  pen.fillStyle = '#102030';
  pen.fillRect(0, 0, 8, 4);
  console.log('painted');
</script>"""


@pytest.mark.browser
class TestBrowser:
    def test_it_renders_a_page_and_types_into_it(self, browser: Browser, tmp_path: Path) -> None:
        page = tmp_path / 'page.html'
        page.write_text(PAGE)
        browser.open(page.as_uri())
        browser.wait_for_text('A local page')
        browser.type('hello\n')
        assert browser.wait_for_title('helloEnter') == 'Typed:helloEnter'
        assert browser.canvas_image().getcolors() == [(32, (0x10, 0x20, 0x30))]
        assert browser.screenshot().width == 1280
        assert any('painted' in line for line in browser.console_log())
        with pytest.raises(TimeoutError, match='A local page'):
            browser.wait_for('window.nonesuch', 0.1)

    def test_it_leaves_nothing_behind(self) -> None:
        before = {process.pid for process in psutil.Process().children(recursive=True)}
        with Browser() as window:
            window.open('about:blank')
        alive = [process for process in psutil.Process().children(recursive=True)
                 if process.pid not in before and process.status() != psutil.STATUS_ZOMBIE]
        assert alive == []
