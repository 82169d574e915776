# SPDX-License-Identifier: Apache-2.0

import logging
import sys
from collections.abc import Iterator

import amqp
import oslo_messaging
import pytest

from nova_vnc.rpc import broker_log
from nova_vnc.rpc.broker_log import BrokerState
from tests.fixtures.polling import wait_until

RABBIT = logging.getLogger('oslo.messaging._drivers.impl_rabbit')
AMQP = logging.getLogger('oslo_messaging._drivers.amqpdriver')
POOL = logging.getLogger('oslo_messaging._drivers.pool')
SERVER = logging.getLogger('oslo_messaging.rpc.server')
CONNECTION = {'connection_id': 'c1', 'hostname': '192.0.2.1', 'port': 5672, 'err_str': '[Errno 111] refused.',
              'sleep_time': 1, 'transport': 'amqp', 'client_port': 5}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Broker:
    """Stands where broker.Broker does.

    :ivar trouble: what a look raises
    """

    name = '192.0.2.1:5672'

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.looks = 0

    def look(self) -> None:
        self.looks += 1
        if self.trouble:
            raise self.trouble


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def broker(clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    caplog.set_level(logging.INFO)
    broker = Broker()
    broker_log.install(broker)
    monkeypatch.setattr(broker_log, '_states', {broker.name: BrokerState(broker, clock, look_every_s=0.01)})
    yield broker
    broker.trouble = None
    settle()
    broker_log.install()


def settle() -> None:
    """Wait until nobody looks after the broker any more."""
    wait_until(lambda: not any(state._is_watched for state in broker_log._states.values()), 5, 'the end of the watch')


def fail() -> None:
    RABBIT.error('Connection failed: %s (retrying in %s seconds)', '[Errno 111] refused', 1.0)
    RABBIT.error('[%(connection_id)s] AMQP server on %(hostname)s:%(port)s is unreachable: %(err_str)s. Trying again '
                 'in %(sleep_time)d seconds.', CONNECTION)
    RABBIT.error('An error in the words of a later release')
    RABBIT.info('A recoverable connection/channel error occurred, trying to reconnect: %s', 'refused')
    RABBIT.warning('Unexpected error during heartbeat thread processing')


def reconnect() -> None:
    RABBIT.info('[%(connection_id)s] Reconnected to AMQP server on %(hostname)s:%(port)s via [%(transport)s] client '
                'with port %(client_port)s.', CONNECTION)


def said(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """Return what was said, which another thread does."""
    wait_until(lambda: len(caplog.records) >= count, 5, f'{count} lines')
    return [f'{record.levelname} {record.getMessage()}' for record in caplog.records]


AWAY = ('ERROR The message broker 192.0.2.1:5672 of [DEFAULT]transport_url cannot be used: [Errno 111] refused. Trying '
        'until it can.')
BACK = 'INFO The message broker 192.0.2.1:5672 can be used again'
REFUSED = ConnectionRefusedError(111, 'refused.')


def test_there_from_the_start(broker: Broker, caplog: pytest.LogCaptureFixture):
    reconnect()
    assert caplog.records == []
    assert broker.looks == 0


def test_lost_and_found(broker: Broker, clock: Clock, caplog: pytest.LogCaptureFixture):
    for turn in range(2):
        clock.now += 60
        broker.trouble = REFUSED
        for _ in range(5):
            fail()
        said(caplog, 2 * turn + 1)
        fail()
        broker.trouble = None
        assert said(caplog, 2 * turn + 2) == [AWAY, BACK] * (turn + 1)
        reconnect()
        settle()


def test_being_stopped(broker: Broker, caplog: pytest.LogCaptureFixture):
    """It takes connections for a moment more."""
    fail()
    wait_until(lambda: broker.looks == 1, 5, 'the first look')
    broker.trouble = REFUSED
    assert said(caplog, 1) == [AWAY]


def test_a_dead_connection_found_after_an_outage(broker: Broker, clock: Clock, caplog: pytest.LogCaptureFixture):
    broker.trouble = REFUSED
    fail()
    said(caplog, 1)
    broker.trouble = None
    said(caplog, 2)
    settle()
    clock.now += 15
    fail()
    settle()
    assert said(caplog, 2) == [AWAY, BACK]


def test_an_outage_soon_after_another(broker: Broker, clock: Clock, caplog: pytest.LogCaptureFixture):
    for turn in range(2):
        broker.trouble = REFUSED
        fail()
        said(caplog, 2 * turn + 1)
        broker.trouble = None
        said(caplog, 2 * turn + 2)
        settle()
    assert said(caplog, 4) == [AWAY, BACK] * 2


def test_what_fails_while_the_broker_can_be_used(broker: Broker, caplog: pytest.LogCaptureFixture):
    RABBIT.error("Failed to declare consumer for topic '%s': %s", 'compute', 'PRECONDITION_FAILED')
    assert said(caplog, 1) == [
        'WARNING Something is wrong with the message broker 192.0.2.1:5672, but it can be used: Failed to declare '
        "consumer for topic 'compute': PRECONDITION_FAILED"]


def test_broker_that_refuses(broker: Broker, caplog: pytest.LogCaptureFixture):
    broker.trouble = amqp.AccessRefused('Login was refused')
    broker_log.failed(PermissionError('ACCESS_REFUSED'))
    assert 'cannot be used: Login was refused. Trying' in said(caplog, 1)[0]
    broker.trouble = None
    assert said(caplog, 2)[1] == BACK


@pytest.mark.parametrize(('logger', 'text'), [
    ('oslo_messaging._drivers.amqpdriver', 'Failed to process incoming message, retrying..'),
    ('oslo_utils.excutils', 'Unexpected exception occurred 1 time(s)... retrying.'),
    ('oslo_messaging.rpc.server', 'Can not send reply for message')])
def test_broker_that_refuses_in_the_end(broker: Broker, caplog: pytest.LogCaptureFixture, logger: str, text: str):
    broker.trouble = amqp.AccessRefused('password changed')
    for error in (amqp.AccessRefused('password changed'), oslo_messaging.MessageDeliveryFailure('no')):
        try:
            raise error
        except Exception:
            logging.getLogger(logger).exception(text)
    lines = said(caplog, 1)
    assert len(lines) == 1
    assert 'password changed' in lines[0]


def test_exception_being_handled_is_not_added(broker: Broker, caplog: pytest.LogCaptureFixture):
    """oslo.log's formatter adds it to errors."""
    broker.trouble = REFUSED
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


def test_other_messages_pass_by_the_level_of_the_log(broker: Broker, caplog: pytest.LogCaptureFixture):
    RABBIT.warning('something else')
    RABBIT.debug('something small')
    assert said(caplog, 1) == ['WARNING something else']
    caplog.set_level(logging.DEBUG)
    RABBIT.debug('something small')
    assert said(caplog, 2)[1] == 'DEBUG something small'


def test_warnings_of_the_driver_s_own_bounds_are_left_out(broker: Broker, caplog: pytest.LogCaptureFixture):
    POOL.warning('Connection pool limit exceeded')
    AMQP.warning('Number of call queues is %(queues_length)s', {'queues_length': 11})
    assert caplog.records == []


def test_a_message_that_came_twice_is_left_out(broker: Broker, caplog: pytest.LogCaptureFixture):
    try:
        raise oslo_messaging.MessageUndeliverable(None, None, None, None)
    except oslo_messaging.MessageUndeliverable:
        AMQP.exception('ignoring duplicate message %s', 'x')
    assert caplog.records == []


def test_a_defect_keeps_its_traceback(broker: Broker, caplog: pytest.LogCaptureFixture):
    for logger in (RABBIT, AMQP):
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logger.exception('Failed to process message ... skipping it.')
    assert [bool(record.exc_info) for record in caplog.records] == [True, True]


def test_messages_are_never_printed(broker: Broker, caplog: pytest.LogCaptureFixture):
    caplog.set_level(1)
    RABBIT.log(5, 'Connection._publish: sending message %(msg)s', {'msg': 'token'})     # TRACE
    AMQP.debug(' queues: %(queues)s, message: %(message)s', {'queues': 1, 'message': {'result': 'token'}})
    assert caplog.records == []


@pytest.mark.parametrize('error', [
    oslo_messaging.NoSuchMethod('build_instance'), oslo_messaging.UnsupportedVersion('9.0', method='build_instance')])
def test_unknown_method(broker: Broker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
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


@pytest.mark.parametrize(('method', 'count'), [
    (amqp.spec.Basic.Cancel, 0), (amqp.spec.Basic.Deliver, 0), (amqp.spec.Basic.Return, 1),
    (amqp.spec.Queue.BindOk, 1)])
def test_what_a_channel_gets_while_it_is_closed(broker: Broker, caplog: pytest.LogCaptureFixture, method: object,
                                                count: int):
    channel = amqp.abstract_channel.AbstractChannel.__new__(amqp.Channel)
    channel.is_closing, channel.channel_id = True, 1
    channel.dispatch_method(method, b'', None)
    assert len(caplog.records) == count


def test_other_failures_keep_their_traceback(broker: Broker, caplog: pytest.LogCaptureFixture):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        SERVER.exception('Exception during message handling')
    assert caplog.records[0].exc_info
