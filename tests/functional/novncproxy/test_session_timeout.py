# SPDX-License-Identifier: Apache-2.0
"""[consoleauth]enforce_session_timeout: the end of a session with its token, and what is said before."""

import logging
import re
import time

import pytest

from nova_vnc.net.websocket import Opcode
from nova_vnc.rpc import consoleauth
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID, echo
from tests.functional.novncproxy.test_session import NovaConsoleAuth, check_works

END = r'The time of this console is up\. Ask for a new link\. \(req-[0-9a-f-]{36}\)'


@pytest.fixture
def rig(rig):
    rig.conf.set_override('enforce_session_timeout', True, 'consoleauth')
    return rig


def grant(rig, left_s, **changes):
    server = rig.vnc_server(echo)
    return rig.grant(server.host, server.port, expires=int(time.time()) + left_s, **changes)


def connect(rig, token):
    stream = rig.open_console(token)
    return stream, RFBClient(stream.read, stream.write).connect().name.decode()


def test_a_session_ends_with_its_token(rig, caplog):
    begin = time.time()
    with caplog.at_level(logging.INFO):
        stream, name = connect(rig.start(), grant(rig, 3))
        assert re.fullmatch(rf'{DISPLAY_NAME} \({INSTANCE_UUID}\) until \d\d:\d\d UTC', name)
        check_works(stream)
        _, (code, reason) = stream.read_to_close()
        assert code == 4440
        assert re.fullmatch(END, reason)
        assert 1.5 < time.time() - begin < 20
        stream.client.close()
        wait_until(lambda: 'its time was up (code 4440)' in caplog.text, 20, 'the end in the log')
    assert not rig.proxy._parts.registry.list()


def test_who_offers_the_subprotocol_is_warned(rig):
    token = grant(rig.start(), 5)
    stream = rig.open_websocket(f'/?token={token}', subprotocols=['nova-vnc.notices', 'binary'])
    assert stream.client.getsubprotocol() == 'nova-vnc.notices'
    texts = []
    receive = stream.client.recv_data

    def recv_data(control_frame):
        opcode, data = receive(control_frame=control_frame)
        texts.extend([data.decode()] if opcode == Opcode.TEXT else [])
        return opcode, data

    stream.client.recv_data = recv_data
    RFBClient(stream.read, stream.write).connect()
    assert stream.read_to_close()[1][0] == 4440
    assert len(texts) == 1
    assert re.fullmatch(r'\{"session_ends_in": [0-5]\}', texts[0])


@pytest.mark.parametrize('subprotocols', [[], ['binary'], ['binary', 'nova-vnc.notices']])
def test_nobody_else_is_sent_text(rig, subprotocols):
    token = grant(rig.start(), 3)
    stream = rig.open_websocket(f'/?token={token}', subprotocols=subprotocols)
    RFBClient(stream.read, stream.write).connect()
    opcodes = set()
    while (frame := stream.client.recv_frame()).opcode != Opcode.CLOSE:
        opcodes.add(frame.opcode)
    assert opcodes == {Opcode.BINARY}


def test_novas_consoleauth_tells_the_beginning(rig):
    rig.conf.set_override('token_ttl', 604, 'consoleauth')

    class Earlier(NovaConsoleAuth):
        def check_token(self, ctxt, token):
            info = super().check_token(ctxt, token)
            return info and {**info, 'last_activity_at': time.time() - 600}

    with rig.bus.serving(consoleauth.TOPIC, [Earlier(rig)]):
        rig.start(with_consoleauth=False)
        stream, name = connect(rig, rig.console())
        assert re.fullmatch(rf'{INSTANCE_UUID} until \d\d:\d\d UTC', name)
        assert stream.read_to_close()[1][0] == 4440


def test_without_the_option_it_goes_on(rig):
    rig.conf.set_override('enforce_session_timeout', False, 'consoleauth')
    stream, name = connect(rig.start(), grant(rig, -5))
    assert name == f'{DISPLAY_NAME} ({INSTANCE_UUID})'
    check_works(stream)
    relay, = rig.proxy._parts.engine._relays
    assert relay._lifetime is None
