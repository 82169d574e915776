# SPDX-License-Identifier: Apache-2.0
"""What passes a relay passes its filters."""

import pytest

from nova_vnc.net.websocket import FrameParser
from nova_vnc.relay.end import EndCause
from tests.fixtures.connections import receive_exactly, receive_until_eof


def without_x(payload):
    return bytes(payload).replace(b'x', b'')


@pytest.mark.parametrize(('change', 'passes'), [
    (lambda payload: payload, b'axbx'), (without_x, b'ab'), (lambda payload: bytes(payload) * 2, b'axbxaxbx')],
    ids=['as it is', 'a part', 'more'])
def test_what_a_filter_returns_is_passed_on(open_session, change, passes):
    session = open_session(client_filter=change, target_filter=change)
    session.browser.send(b'axbx')
    assert receive_exactly(session.target, len(passes)) == passes
    session.target.sendall(b'axbx')
    assert session.browser.receive(len(passes)) == passes
    session.browser.send_close(1000)
    end = session.end()
    assert (end.bytes_from_client, end.bytes_from_target) == (4, 4)


def test_what_is_passed_on_as_it_is_is_not_copied(open_session):
    given = []

    def keep_the_view(payload):
        given.append(payload)   # which a filter must not do, as this shows: it is the buffer that all share
        return payload

    session = open_session(target_filter=keep_the_view)
    session.target.sendall(b'first')
    assert session.browser.receive(5) == b'first'
    session.target.sendall(b'other')
    assert session.browser.receive(5) == b'other'
    assert bytes(given[0]) == b'other'


def test_nothing_is_passed_on_where_a_filter_returns_nothing(open_session):
    session = open_session(client_filter=without_x, target_filter=without_x)
    session.browser.send(b'xxx')
    session.browser.send(b'a')
    assert receive_exactly(session.target, 1) == b'a'
    session.target.sendall(b'xxx')
    session.target.sendall(b'b')
    assert session.browser.receive(1) == b'b'   # and no empty frame before it


def test_what_was_read_before_is_passed_on_as_it_is(open_session):
    session = open_session(from_client=b'xa', from_target=b'xb', client_filter=without_x, target_filter=without_x,
                           parser=FrameParser())
    assert receive_exactly(session.target, 2) == b'xa'
    assert session.browser.receive(2) == b'xb'


@pytest.mark.parametrize('side', ['client', 'target'])
def test_a_filter_that_raises_costs_its_session(open_session, caplog, side):
    def fail(payload):
        raise RuntimeError('a defect of a filter')

    healthy, ill = open_session(), open_session(**{f'{side}_filter': fail})
    if side == 'client':
        ill.browser.send(b'x')
    else:
        ill.target.sendall(b'x')
    assert ill.end().cause is EndCause.INTERNAL_ERROR
    assert receive_until_eof(ill.target) == b''
    healthy.check_works()
    assert 'a defect of a filter' in caplog.text


def test_each_filter_sees_all_of_its_direction(open_session):
    seen = {'client': b'', 'target': b''}

    def note(side):
        def see(payload):
            seen[side] += bytes(payload)
            return payload
        return see

    session = open_session(client_filter=note('client'), target_filter=note('target'))
    picture = bytes(range(256)) * 4096
    for _ in range(3):
        session.browser.send(b'key')
        assert receive_exactly(session.target, 3) == b'key'
    session.target.sendall(picture)
    assert session.browser.receive(len(picture)) == picture
    assert seen == {'client': b'keykeykey', 'target': picture}
