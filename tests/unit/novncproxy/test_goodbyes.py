# SPDX-License-Identifier: Apache-2.0
import contextlib
import threading

import pytest

from nova_vnc.net.transport import PlainTransport
from nova_vnc.novncproxy.goodbyes import Goodbyes
from tests.fixtures.connections import receive_until_eof, tcp_pair
from tests.fixtures.polling import wait_until


@pytest.fixture
def connect():
    """Return a function that returns a client's socket and the proxy's transport."""
    with contextlib.ExitStack() as opened:
        def open_one():
            client, sock = tcp_pair()
            transport = PlainTransport(sock)
            opened.callback(client.close)
            opened.callback(transport.close)
            return client, transport
        yield open_one


def test_the_answer_comes_at_once_and_the_close_later(connect):
    goodbyes = Goodbyes()
    client, transport = connect()
    client.sendall(b'not read')
    goodbyes.add(transport, b'no')
    assert receive_until_eof(client) == b'no'
    assert transport.fileno() >= 0
    assert 0 < goodbyes.seconds_to_next() <= 1
    wait_until(lambda: goodbyes.close_old() or not len(goodbyes), 10, 'the close')
    assert transport.fileno() < 0


def test_who_has_his_answer_already_gets_no_other(connect):
    goodbyes = Goodbyes()
    client, transport = connect()
    goodbyes.add(transport)
    assert receive_until_eof(client) == b''
    goodbyes.close_all()


def test_handed_in_by_another_thread(connect):
    woken = threading.Event()
    goodbyes = Goodbyes(woken.set)
    client, transport = connect()
    threading.Thread(target=goodbyes.hand_in, args=(transport, b'no')).start()
    assert woken.wait(10)
    assert len(goodbyes) == 1
    goodbyes.close_old()
    assert receive_until_eof(client) == b'no'
    assert len(goodbyes) == 1


def test_in_the_end_nobody_is_left_nor_without_an_answer(connect):
    goodbyes = Goodbyes()
    (client, transport), (other, handed_in) = connect(), connect()
    goodbyes.add(transport, b'no')
    goodbyes.hand_in(handed_in, b'no')
    goodbyes.close_all()
    assert len(goodbyes) == 0
    assert receive_until_eof(client) == receive_until_eof(other) == b'no'
    assert transport.fileno() == handed_in.fileno() == -1


def test_who_comes_after_the_end_is_not_left_either(connect):
    goodbyes = Goodbyes()
    goodbyes.close_all()
    client, transport = connect()
    goodbyes.hand_in(transport, b'no')
    assert receive_until_eof(client) == b'no'
    assert transport.fileno() == -1
    assert len(goodbyes) == 0


def test_so_many_at_once_have_less_time(connect):
    goodbyes = Goodbyes()
    transports = [connect()[1] for _ in range(200)]
    for transport in transports:
        goodbyes.add(transport, b'no')
    assert len(goodbyes) < 200
    assert transports[0].fileno() == -1
    assert transports[-1].fileno() >= 0
    goodbyes.close_all()
