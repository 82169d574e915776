# SPDX-License-Identifier: Apache-2.0
"""A thousand VNC servers that break RFB, VeNCrypt or TLS: each gives one refusal, and none leaves anything behind."""

import collections
import concurrent.futures
import contextlib
import logging
import os
import random
import time

import pytest
import websocket

from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import RFBError
from nova_vnc.rfb.init import ClientInit, ServerInitReader
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.broken_dialogues import Corpus
from tests.functional.novncproxy.rig import VNCServerStandIn
from tests.functional.novncproxy.vencrypt_server import play

HANDSHAKES = 1000
AT_A_TIME = 24
HANDSHAKE_TIMEOUT_S = 1
# Far more than three handshakes may take, on a busy machine.
PATIENCE_S = 60


def open_files():
    return len(os.listdir('/proc/self/fd'))


def look(rig, server):
    """Return what becomes of a client: the HTTP status, 101 for a session, the close code where that is broken off."""
    try:
        stream = rig.open_console(rig.grant(server.host, server.port))
    except websocket.WebSocketBadStatusException as error:
        return error.status_code
    try:
        early = drive(ClientHandshake(), stream.read, stream.write)
        stream.write(ClientInit(True).serialize())
        drive(ServerInitReader(), stream.read, stream.write, early)
    except RFBError:
        if stream.close_frame is None:
            stream.read_to_close()
        return stream.close_frame[0]
    finally:
        stream.client.shutdown()
    return 101


def run(rig, dialogue):
    """Return the outcome and how long it took."""
    began = time.monotonic()
    with contextlib.closing(VNCServerStandIn(play(dialogue.steps))) as server:
        return look(rig, server), time.monotonic() - began


@pytest.mark.timeout(300)
def test_a_thousand_of_them(rig, tmp_path, caplog):
    authority = CertificateAuthority(tmp_path / 'ca')
    corpus = Corpus(authority, CertificateAuthority(tmp_path / 'other-ca', 'another CA'))
    rig.conf.set_override('auth_schemes', ['vencrypt'], 'vnc')
    rig.conf.set_override('vencrypt_ca_certs', str(authority.ca), 'vnc')
    rig.start(handshake_timeout=HANDSHAKE_TIMEOUT_S)
    good = corpus.makers['delayed'](random.Random(0))
    assert run(rig, good)[0] == 101
    wait_until(lambda: not rig.proxy._parts.registry.list(), 20, 'the session to end')
    before = open_files()

    names = sorted(corpus.makers)
    numbered = [(number, names[number % len(names)]) for number in range(HANDSHAKES)]
    dialogues = [(f'{name} {number}', corpus.makers[name](random.Random(number))) for number, name in numbered]
    with caplog.at_level(logging.INFO), concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        ran = list(pool.map(lambda each: run(rig, each[1]), dialogues))

    wrong = [(name, outcome) for (name, dialogue), (outcome, _) in zip(dialogues, ran, strict=True)
             if outcome not in dialogue.outcomes]
    assert not wrong
    assert max(took_s for _, took_s in ran) < PATIENCE_S
    outcomes = collections.Counter(outcome for outcome, _ in ran)
    assert outcomes[502] > HANDSHAKES / 2
    assert outcomes[101]
    assert not [record for record in caplog.records if record.exc_info]
    assert not [record for record in caplog.records if 'Traceback' in record.getMessage()]
    wait_until(lambda: not len(rig.proxy._pending) and not rig.proxy._parts.registry.list(), 20, 'all to be over')
    wait_until(lambda: open_files() <= before, 20, f'{before} open files, as before')
    assert run(rig, good)[0] == 101
