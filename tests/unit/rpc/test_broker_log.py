# SPDX-License-Identifier: Apache-2.0

import logging
import sys
from collections.abc import Iterator

import amqp
import oslo_messaging
import pytest

from nova_vnc.rpc import broker_log
from tests.fixtures.polling import wait_until

RABBIT = logging.getLogger('oslo.messaging._drivers.impl_rabbit')
AMQP = logging.getLogger('oslo_messaging._drivers.amqpdriver')
SERVER = logging.getLogger('oslo_messaging.rpc.server')
CONNECTION = {'connection_id': 'c1', 'hostname': '192.0.2.1', 'port': 5672, 'err_str': '[Errno 111] refused.',
              'sleep_time': 1, 'transport': 'amqp', 'client_port': 5}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Clock]:
    caplog.set_level(logging.INFO)
    broker_log.install(['192.0.2.1:5672'])
    clock = Clock()
    monkeypatch.setattr(broker_log._state, '_clock', clock)
    yield clock
    broker_log.install()


def fail() -> None:
    RABBIT.error('Connection failed: %s (retrying in %s seconds)', '[Errno 111] refused', 1.0)
    RABBIT.error('[%(connection_id)s] AMQP server on %(hostname)s:%(port)s is unreachable: %(err_str)s. Trying again '
                 'in %(sleep_time)d seconds.', CONNECTION)
    RABBIT.info('A recoverable connection/channel error occurred, trying to reconnect: %s', 'refused')


def connect(first: bool = False) -> None:
    if first:
        RABBIT.debug('[%(connection_id)s] Connected to AMQP server on %(hostname)s:%(port)s via [%(transport)s] client '
                     'with port %(client_port)s.', CONNECTION)
    else:
        RABBIT.info('[%(connection_id)s] Reconnected to AMQP server on %(hostname)s:%(port)s via [%(transport)s] '
                    'client with port %(client_port)s.', CONNECTION)


def said(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """Return what was said; errors are said by another thread."""
    wait_until(lambda: len(caplog.records) >= count, 5, f'{count} lines')
    return [f'{record.levelname} {record.getMessage()}' for record in caplog.records]


AWAY = ('ERROR The message broker 192.0.2.1:5672 of [DEFAULT]transport_url cannot be used: [Errno 111] refused. Trying '
        'until it can.')
BACK = 'INFO The message broker 192.0.2.1:5672 can be used again'


def test_absent_at_start(clock: Clock, caplog: pytest.LogCaptureFixture):
    for _ in range(5):
        fail()
    assert said(caplog, 1) == [AWAY]
    connect(first=True)
    connect(first=True)
    assert said(caplog, 2) == [AWAY, BACK]


def test_there_from_the_start(clock: Clock, caplog: pytest.LogCaptureFixture):
    connect(first=True)
    assert caplog.records == []


def test_lost_and_found(clock: Clock, caplog: pytest.LogCaptureFixture):
    connect(first=True)
    for turn in range(2):
        clock.now += 60
        fail()
        fail()
        said(caplog, 2 * turn + 1)
        connect()
        assert said(caplog, 2 * turn + 2) == [AWAY, BACK] * (turn + 1)


def test_a_dead_connection_found_after_an_outage(clock: Clock, caplog: pytest.LogCaptureFixture):
    fail()
    said(caplog, 1)
    connect()
    clock.now += 15
    fail()
    connect()
    assert said(caplog, 2) == [AWAY, BACK]


def test_broker_that_refuses(clock: Clock, caplog: pytest.LogCaptureFixture):
    broker_log.failed(PermissionError('ACCESS_REFUSED'))
    assert 'cannot be used: PermissionError: ACCESS_REFUSED. Trying' in said(caplog, 1)[0]
    broker_log.connected()
    assert said(caplog, 2)[1] == BACK


@pytest.mark.parametrize(('logger', 'text'), [
    ('oslo_messaging._drivers.amqpdriver', 'Failed to process incoming message, retrying..'),
    ('oslo_utils.excutils', 'Unexpected exception occurred 1 time(s)... retrying.'),
    ('oslo_messaging.rpc.server', 'Can not send reply for message')])
def test_broker_that_refuses_in_the_end(clock: Clock, caplog: pytest.LogCaptureFixture, logger: str, text: str):
    for error in (amqp.AccessRefused('password changed'), oslo_messaging.MessageDeliveryFailure('no')):
        try:
            raise error
        except Exception:
            logging.getLogger(logger).exception(text)
    lines = said(caplog, 1)
    assert len(lines) == 1
    assert 'password changed' in lines[0]


def test_lost_connection_in_words(clock: Clock, caplog: pytest.LogCaptureFixture):
    RABBIT.error('Connection failed: %s (retrying in %s seconds)', '<RecoverableConnectionError: unknown error>', 1.0)
    assert 'cannot be used: the connection was lost.' in said(caplog, 1)[0]


def test_exception_being_handled_is_not_added(clock: Clock, caplog: pytest.LogCaptureFixture):
    """oslo.log's formatter adds it to errors."""
    handled = []
    handler = logging.Handler()
    handler.emit = lambda record: handled.append(sys.exc_info()[1])
    logging.getLogger(broker_log.__name__).addHandler(handler)
    try:
        raise ConnectionRefusedError('rabbit://guest:password@192.0.2.1')
    except ConnectionRefusedError:
        fail()
        wait_until(lambda: handled, 5, 'a line')
    finally:
        logging.getLogger(broker_log.__name__).removeHandler(handler)
    assert handled == [None]


def test_other_messages_pass_by_the_level_of_the_log(clock: Clock, caplog: pytest.LogCaptureFixture):
    RABBIT.warning('something else')
    RABBIT.debug('something small')
    assert said(caplog, 1) == ['WARNING something else']
    caplog.set_level(logging.DEBUG)
    RABBIT.debug('something small')
    assert said(caplog, 2)[1] == 'DEBUG something small'


def test_messages_are_never_printed(clock: Clock, caplog: pytest.LogCaptureFixture):
    caplog.set_level(1)
    RABBIT.log(5, 'Connection._publish: sending message %(msg)s', {'msg': 'token'})     # TRACE
    AMQP.debug(' queues: %(queues)s, message: %(message)s', {'queues': 1, 'message': 'token'})
    assert caplog.records == []


@pytest.mark.parametrize('error', [
    oslo_messaging.NoSuchMethod('build_instance'), oslo_messaging.UnsupportedVersion('9.0', method='build_instance')])
def test_unknown_method(clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
                        error: Exception):
    for _ in range(3):
        try:
            raise error
        except Exception:
            SERVER.exception('Exception during message handling')
    lines = said(caplog, 1)
    assert len(lines) == 1
    assert lines[0].startswith('WARNING Refused a message of another service: Endpoint does not support')
    assert caplog.records[0].exc_info is None


def test_other_failures_keep_their_traceback(clock: Clock, caplog: pytest.LogCaptureFixture):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        SERVER.exception('Exception during message handling')
    assert caplog.records[0].exc_info
