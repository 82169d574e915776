# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT]record: what of a session is in its file, and what is not."""

import logging
import re

import pytest

from nova_vnc import exception
from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.server import DemoServer
from nova_vnc.net.websocket import Opcode
from tests.fixtures.fail import unexpected
from tests.fixtures.polling import wait_until
from tests.fixtures.recordings import read_recording
from tests.fixtures.rfb_client import RFBClient
from tests.fixtures.websocket_frames import binary, client_frame
from tests.functional.novncproxy.rig import INSTANCE_UUID, build_upgrade, echo, shake_hands
from tests.functional.novncproxy.test_session import HANDSHAKE_3_8, check_works


@pytest.fixture
def directory(rig, tmp_path):
    rig.conf.set_override('record', str(tmp_path / 'recordings' / 'console'))
    (tmp_path / 'recordings').mkdir()
    return tmp_path / 'recordings'


def close_and_read(rig, stream, directory):
    """End a session and return its recording."""
    stream.client.close(status=1000)
    path, = wait_until(lambda: [path for path in directory.iterdir() if path.read_text().endswith("'EOF'];\n")], 30,
                       'the recording')
    return path, read_recording(path)


def joined(frames, direction):
    return b''.join(data for _, way, data in frames if way == direction)


def test_the_recording_of_a_session_shows_its_screen(rig, directory, caplog):
    guest = DemoServer(Screen('demo'), b'demo-guest')
    guest.start(unexpected)
    try:
        with caplog.at_level(logging.INFO):
            token = rig.grant(*guest.address)
            stream = rig.start().open_console(token)
            client = RFBClient(stream.read, stream.write)
            client.connect()
            client.type_text('hello')
            client.wait_for_text('hello')
            path, frames = close_and_read(rig, stream, directory)
    finally:
        guest.stop()
    # As noVNC's playback does: what the server has sent, to a client that only looks.
    recorded = iter([data for _, way, data in frames if way == '{'])
    ahead = b''

    def read(size):
        nonlocal ahead
        ahead = ahead or next(recorded)
        data, ahead = ahead[:size], ahead[size:]
        return data

    viewer = RFBClient(read, lambda data: None)
    assert INSTANCE_UUID in viewer.connect().name.decode()
    viewer.wait_for_text('hello')
    assert joined(frames, '}').startswith(b'RFB 003.008\n\x01')
    session_id, = re.findall(r'Session (\S+): recorded in', caplog.text)
    assert path.name == f'console.{session_id}'
    assert token not in path.read_text()
    assert token.encode() not in joined(frames, '{') + joined(frames, '}')


def test_every_byte_is_there_once_however_early_it_came(rig, directory):
    def behave(sock):
        shake_hands(sock, behind=b'early words')
        sock.sendall(b' and late ones')
        while sock.recv(4096):
            pass

    sock = rig.start().connect()
    sock.sendall(build_upgrade('/?token=' + rig.console(behave)) + binary(HANDSHAKE_3_8 + b'first') + binary(b' words')
                 + client_frame(Opcode.PING, b'?'))
    received = b''
    while b'and late ones' not in received:
        received += sock.recv(4096)
    sock.sendall(binary(b' and last') + client_frame(Opcode.CLOSE, b'\x03\xe8'))
    path, = wait_until(lambda: [path for path in directory.iterdir() if path.read_text().endswith("'EOF'];\n")], 30,
                       'the recording')
    frames = read_recording(path)
    assert joined(frames, '}') == HANDSHAKE_3_8 + b'first words and last'
    assert joined(frames, '{').endswith(b'early words and late ones')
    assert joined(frames, '{').count(b'words') == 1


def test_each_session_has_a_file_also_after_a_restart(rig, directory):
    for expected in (1, 2):
        stream = rig.start(with_consoleauth=expected == 1).open_console(rig.console())
        RFBClient(stream.read, stream.write).connect()
        check_works(stream)
        rig.stop()
        assert len(list(directory.iterdir())) == expected
    for path in directory.iterdir():
        assert joined(read_recording(path), '}').endswith(b'keys')


def test_a_set_up_that_is_broken_off_leaves_a_whole_file(rig, directory):
    rig.start(handshake_timeout=1).open_console(rig.console())
    path, = wait_until(lambda: [path for path in directory.iterdir() if path.read_text().endswith("'EOF'];\n")], 30,
                       'the recording')
    assert joined(read_recording(path), '{') == b'RFB 003.008\n'


def test_who_is_refused_is_not_recorded(rig, directory):
    stream = rig.start().open_websocket('/?token=unknown', origin=rig.origin)
    stream.read(12)
    rig.stop()
    assert list(directory.iterdir()) == []


def test_a_directory_that_went_away_costs_the_recording_and_not_the_session(rig, directory, caplog):
    rig.start()
    directory.rmdir()
    stream = rig.open_console(rig.console())
    RFBClient(stream.read, stream.write).connect()
    check_works(stream)
    wait_until(lambda: 'is not complete' in caplog.text, 30, 'the line')
    assert '[DEFAULT]record' in caplog.text
    stream.write(b'more')
    assert stream.read_exactly(4) == b'more'


@pytest.mark.parametrize('prefix', ['/does/not/exist/console', '/proc/console'])
def test_it_does_not_start_where_it_cannot_record(rig, prefix):
    rig.conf.set_override('record', prefix)
    with pytest.raises(exception.ConfigurationError) as caught:
        rig.start()
    assert f'[DEFAULT]record = {prefix}' in str(caught.value)


def test_without_the_option_there_is_no_filter(rig):
    stream = rig.start().open_console(rig.console(echo))
    RFBClient(stream.read, stream.write).connect()
    check_works(stream)
    relay, = rig.proxy._parts.engine._relays
    assert relay._client_filter is None
    assert relay._target_filter is None
