# SPDX-License-Identifier: Apache-2.0
"""The demo guest with real sockets: what a VNC client sees of it."""

import dataclasses
import itertools
import select
import socket
import struct
import threading

import pytest

from nova_vnc.compute.virt.demo.driver import DemoDriver
from nova_vnc.compute.virt.demo.messages import FramebufferUpdateRequest
from nova_vnc.compute.virt.demo.screen import COLOURS, HEIGHT, WIDTH, Screen
from nova_vnc.compute.virt.demo.server import DemoServer
from nova_vnc.compute.virt.demo.update import RGB_32
from nova_vnc.rfb.errors import ConnectionFailed, UnexpectedEOF
from nova_vnc.rfb.init import PixelFormat
from nova_vnc.rfb.version import PUBLISHED_VERSIONS
from tests.fixtures.fail import unexpected
from tests.fixtures.pictures import demo_text, find_picture
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import (
    KEYSYM_BACKSPACE,
    KEYSYM_RETURN,
    KEYSYM_SHIFT,
    decode_pixels,
    tcp_client,
)

RGB_565 = PixelFormat(16, 16, False, True, 31, 63, 31, 11, 5, 0)
BGR_233 = PixelFormat(8, 8, False, True, 7, 7, 3, 0, 3, 6)
BIG_ENDIAN_32 = dataclasses.replace(RGB_32, big_endian=True)

# The longest that a test of silence waits for something not to happen.
SILENCE_S = 0.3


@pytest.fixture
def screen():
    return Screen('a test')


@pytest.fixture
def start_server(screen):
    """Return a function that starts a server with the given arguments and returns its address."""
    servers = []

    def start(**kwargs):
        server = DemoServer(screen, b'guest', **kwargs)
        server.start(unexpected)
        servers.append(server)
        return server.address

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def address(start_server):
    return start_server()


def viewer_threads():
    return [thread for thread in threading.enumerate()
            if thread.name in ('demo-viewer', 'demo-updates')]


def test_a_word_typed_into_the_driver_s_guest_is_read_back():
    driver = DemoDriver('host')
    driver.start(lambda: None, unexpected)
    try:
        instance, = driver.list_instances()
        console = driver.get_vnc_console(instance.uuid)
        with tcp_client(console.host, int(console.port)) as client:
            server_init = client.connect()
            assert (server_init.width, server_init.height) == (640, 400)
            assert server_init.name == b'demo-guest'
            client.type_text('abracadabra')
            client.wait_for_text('abracadabra')
    finally:
        driver.stop()


def test_the_guest_s_clock_goes_on():
    times = itertools.count(1_000_000_000 + 0.99, 1)
    driver = DemoDriver('host', clock=lambda: next(times))
    driver.start(lambda: None, unexpected)
    try:
        console = driver.get_vnc_console(driver.list_instances()[0].uuid)
        with tcp_client(console.host, int(console.port)) as client:
            client.connect()
            client.request_update()
            client.read_update()
            before = client.image()
            client.request_update(incremental=True)
            assert all(rectangle.height < 30 for rectangle in client.read_update())
            assert client.image() != before
    finally:
        driver.stop()


@pytest.mark.parametrize(('ours', 'theirs'),
                         list(itertools.product(PUBLISHED_VERSIONS, repeat=2)))
def test_all_versions(start_server, ours, theirs):
    with tcp_client(*start_server(max_version=theirs), max_version=ours) as client:
        client.connect()
        assert client.version == min(ours, theirs)
        client.type_text('x')
        client.wait_for_text('x')


@pytest.mark.parametrize('pixel_format', [RGB_32, BIG_ENDIAN_32, RGB_565, BGR_233])
def test_any_true_colour_pixel_format(address, screen, pixel_format):
    with tcp_client(*address) as client:
        client.connect()
        client.set_pixel_format(pixel_format)
        client.request_update()
        rectangle, = client.read_update()
    pixels = decode_pixels(rectangle.pixels, pixel_format)
    for channel, maximum in enumerate((pixel_format.red_max, pixel_format.green_max,
                                       pixel_format.blue_max)):
        coarseness = 255 / maximum
        for index, shown in set(zip(screen.frame, pixels[channel::3], strict=True)):
            assert abs(COLOURS[index][channel] - shown) <= coarseness


def test_several_clients_see_the_same_screen(address):
    with tcp_client(*address) as first, tcp_client(*address) as second:
        first.connect(shared=False)
        second.connect(shared=False)
        first.type_text('one ')
        first.wait_for_text('one ')
        second.type_text('two')
        assert first.wait_for_text('one two') == second.wait_for_text('one two')


def test_keys(address):
    with tcp_client(*address) as client:
        client.connect()
        client.press_key(KEYSYM_SHIFT)
        client.type_text('Grüßf')
        client.press_key(KEYSYM_BACKSPACE)
        client.type_text('e')
        client.press_key(KEYSYM_RETURN)
        client.type_text('next')
        image = client.wait_for_text('next')
        (x, y), (next_x, next_y) = (find_picture(image, demo_text(word))
                                    for word in ('Grüße', 'next'))
        assert next_x == x
        assert next_y > y


def test_an_incremental_request_is_answered_only_after_a_change(address, screen):
    with tcp_client(*address, timeout_s=SILENCE_S) as client:
        client.connect()
        client.request_update()
        client.read_update()
        client.request_update(incremental=True)
        with pytest.raises(TimeoutError):
            client.read_update()
        screen.press_key(ord('x'))
        rectangles = client.read_update()
        assert sum(area.width * area.height for area in rectangles) < WIDTH * HEIGHT / 100
        assert find_picture(client.image(), demo_text('x'))


def test_a_full_request_is_answered_at_once_and_in_full(address):
    with tcp_client(*address) as client:
        client.connect()
        for _ in range(3):
            client.request_update()
            rectangle, = client.read_update()
            assert (rectangle.width, rectangle.height) == (WIDTH, HEIGHT)


def test_only_the_area_asked_for_is_sent(address, screen):
    with tcp_client(*address, timeout_s=SILENCE_S) as client:
        client.connect()
        client.request_update(area=(600, 380, 9999, 9999))
        rectangle, = client.read_update()
        assert (rectangle.x, rectangle.y, rectangle.width, rectangle.height) == (600, 380, 40, 20)
        client.request_update(incremental=True, area=(600, 380, 40, 20))
        screen.press_key(ord('x'))
        with pytest.raises(TimeoutError):
            client.read_update()
        # What was not asked for then is not forgotten.
        client.request_update(incremental=True)
        client.read_update()
        client.request_update(area=(0, 0, 0, 0))
        assert find_picture(client.image(), demo_text('x'))


def test_requests_that_come_together_are_answered_together(address):
    with tcp_client(*address, timeout_s=SILENCE_S) as client:
        client.connect()
        client._write(FramebufferUpdateRequest(True, 0, 0, 10, 10).serialize()
                      + FramebufferUpdateRequest(False, 0, 0, WIDTH, HEIGHT).serialize())
        client.read_update()
        if client.image().getpixel((WIDTH - 1, HEIGHT - 1)) == (0, 0, 0):
            client.read_update()  # the sender was faster than the second request
        assert client.image().getpixel((WIDTH - 1, HEIGHT - 1)) == COLOURS[0]


@pytest.mark.parametrize('garbage', [
    b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    b'RFB 003.008\n\x02',
    b'RFB 003.008\n\x01\x01\xff',
    b'RFB 003.008\n\x01\x01\x06\0\0\0\xff\xff\xff\xff',
    b'RFB 003.008\n\x01\x01\x00\0\0\0' + dataclasses.replace(RGB_32, bits_per_pixel=24).serialize(),
], ids=['http', 'security type', 'message type', 'clipboard', 'pixel format'])
def test_garbage_ends_the_connection_and_nothing_else(address, garbage):
    with socket.create_connection(address, timeout=20) as sock:
        sock.sendall(garbage)
        while sock.recv(4096):
            pass
    with tcp_client(*address) as client:
        client.connect()
    wait_until(lambda: not viewer_threads(), 20, 'the threads of the viewers to end')


def test_a_silent_client_is_dropped_when_its_time_is_over(start_server):
    with socket.create_connection(start_server(handshake_timeout_s=0.2), timeout=20) as sock:
        assert sock.recv(12) == b'RFB 003.008\n'
        assert sock.recv(1) == b''


def test_a_client_that_trickles_gets_no_more_time(start_server):
    with socket.create_connection(start_server(handshake_timeout_s=0.3), timeout=20) as sock:
        for byte in b'RFB 003.00':
            if not _say(sock, bytes([byte])):
                break
            threading.Event().wait(SILENCE_S)
        else:
            pytest.fail('the server waited for the whole of it')


def _say(sock, data):
    """Send, and tell whether the server is still there."""
    try:
        sock.sendall(data)
        return not select.select([sock], [], [], 0)[0] or sock.recv(12) != b''
    except ConnectionError:
        return False


def test_a_client_that_does_not_read_is_dropped(start_server):
    with tcp_client(*start_server(write_timeout_s=0.3)) as client:
        client.connect()
        wait_until(lambda: not _ask_again(client), 20, 'the server to drop the client')
    wait_until(lambda: not viewer_threads(), 20, 'the threads of the viewers to end')


def _ask_again(client):
    try:
        client.request_update()
    except OSError:
        return False
    return True


def test_a_client_that_only_looks_is_not_dropped(start_server):
    with tcp_client(*start_server(handshake_timeout_s=0.2, write_timeout_s=0.1)) as client:
        client.connect()
        client.request_update()
        client.read_update()
        threading.Event().wait(SILENCE_S)
        client.request_update()
        client.read_update()


def test_there_is_a_ceiling_on_viewers(start_server):
    address = start_server(max_viewers=2)
    with tcp_client(*address) as first, tcp_client(*address) as second:
        first.connect()
        second.connect()
        with tcp_client(*address) as third, pytest.raises((UnexpectedEOF, ConnectionError)):
            third.connect()
    wait_until(lambda: _can_connect(address), 20, 'a place to be free again')


def _can_connect(address):
    with tcp_client(*address) as client:
        try:
            client.connect()
        except (UnexpectedEOF, ConnectionFailed, ConnectionError):
            return False
        return True


def test_stop_ends_all_connections_and_threads(screen):
    server = DemoServer(screen, b'guest')
    server.start(unexpected)
    address = server.address
    with tcp_client(*address) as client, socket.create_connection(address, timeout=20) as half_open:
        client.connect()
        client.request_update(incremental=True)
        client.read_update()
        server.stop()
        with pytest.raises((UnexpectedEOF, ConnectionError)):
            client.read_update()
        half_open.recv(12)
        assert half_open.recv(12) == b''
    wait_until(lambda: not [thread for thread in threading.enumerate()
                            if thread.name.startswith('demo-')], 20, 'all threads to end')
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=20)


def test_a_second_guest_has_a_port_of_its_own(start_server):
    assert start_server() != start_server()


def test_an_early_client_init_and_request_are_not_lost(address):
    with socket.create_connection(address, timeout=20) as sock:
        sock.sendall(b'RFB 003.003\n' + b'\1'
                     + FramebufferUpdateRequest(False, 0, 0, 1, 1).serialize())
        expected = 12 + 4 + 24 + len(b'guest') + 4 + 12 + 4
        received = b''
        while len(received) < expected:
            received += sock.recv(4096) or pytest.fail('closed early')
        assert received[-16:-4] == struct.pack('!HHHHi', 0, 0, 1, 1, 0)
