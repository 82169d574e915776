# SPDX-License-Identifier: Apache-2.0
import itertools
import logging
import ssl
import threading

import amqp
import pytest

from nova_vnc.rpc import broker, exclusive
from nova_vnc.rpc import transport as rpc_transport
from tests.fixtures.bus import new_conf
from tests.fixtures.certificates import CertificateAuthority

QUEUE = 'compute.host1'


class FakeQueues:
    """Stands where BrokerQueues does.

    :param counts: what each look finds: a number of consumers, or an error
    """

    ghost_s = 100

    def __init__(self, *counts):
        self._counts = itertools.chain(counts, itertools.repeat(counts[-1]))
        self.looks = 0

    def count_consumers(self, queue):
        assert queue == QUEUE
        self.looks += 1
        count = next(self._counts)
        if isinstance(count, Exception):
            raise count
        return count


def wait_until_alone(queues, is_answered=lambda: False, stopping=None, clock=lambda: 0.0):
    exclusive.wait_until_alone(queues, QUEUE, is_answered, stopping or threading.Event(), clock=clock, poll_s=0)


def test_nobody_there():
    wait_until_alone(FakeQueues(0), is_answered=pytest.fail)


def test_a_living_one_is_told_at_once():
    queues = FakeQueues(1)
    with pytest.raises(exclusive.QueueInUse) as raised:
        wait_until_alone(queues, is_answered=lambda: True)
    assert (raised.value.queue, raised.value.answers, queues.looks) == (QUEUE, True, 1)


def test_a_ghost_is_waited_out():
    queues = FakeQueues(1, 1, 1, 0)
    wait_until_alone(queues)
    assert queues.looks == 4


def test_a_living_one_beside_a_ghost_gets_every_other_question():
    with pytest.raises(exclusive.QueueInUse) as raised:
        wait_until_alone(FakeQueues(2), is_answered=iter([False, True]).__next__)
    assert raised.value.answers


def test_no_ghost_stays_that_long():
    now = itertools.count(0, 30)
    queues = FakeQueues(1)
    with pytest.raises(exclusive.QueueInUse) as raised:
        wait_until_alone(queues, clock=lambda: next(now))
    assert not raised.value.answers
    assert queues.looks == 4


@pytest.mark.parametrize('error', [ConnectionRefusedError(), TimeoutError(), amqp.AccessRefused()])
def test_the_broker_is_waited_for(error):
    queues = FakeQueues(error, error, 0)
    wait_until_alone(queues)
    assert queues.looks == 3


@pytest.mark.parametrize('count', [1, ConnectionRefusedError()])
def test_stopping_ends_the_wait(count):
    stopping = threading.Event()
    stopping.set()
    wait_until_alone(FakeQueues(count), stopping=stopping)


def transport_of(url):
    return rpc_transport.build_transport(new_conf(), url)


def test_nothing_to_look_at_on_the_in_process_bus():
    assert exclusive.queues_of(transport_of('fake://')) is None


@pytest.mark.parametrize(('url', 'ghost_s'), [
    ('rabbit://u:p@h/', 190), ('rabbit://u:p@h/?heartbeat_timeout_threshold=20', 70),
    ('rabbit://u:p@h/?heartbeat_timeout_threshold=0', 190)])
def test_how_long_a_ghost_may_stay(url, ghost_s):
    assert exclusive.queues_of(transport_of(url)).ghost_s == ghost_s




@pytest.fixture
def connections(monkeypatch):
    """What kombu is told to connect to."""
    arguments = []

    def connect(**kwargs):
        arguments.append(kwargs)
        raise ConnectionRefusedError
    monkeypatch.setattr(broker.kombu, 'Connection', connect)
    return arguments


def look_at(url):
    with pytest.raises(ConnectionRefusedError):
        exclusive.queues_of(transport_of(url)).count_consumers(QUEUE)


def test_all_hosts_are_tried_with_what_belongs_to_each(connections):
    # An address in brackets is the last host: newer Pythons refuse to parse it anywhere else.
    look_at('rabbit://u2:p2@two.example.org,u1:p%401@[2001:db8::1]:5673/cell%2F1')
    picked = [tuple(arguments[name] for name in ('hostname', 'port', 'userid', 'password', 'virtual_host', 'ssl'))
              for arguments in connections]
    assert picked == [('two.example.org', 5672, 'u2', 'p2', 'cell/1', False),
                      ('2001:db8::1', 5673, 'u1', 'p@1', 'cell/1', False)]


@pytest.mark.parametrize('url', ['rabbit://', 'rabbit:///', 'rabbit://localhost/'])
def test_what_is_not_said_is_kombus_default(connections, url):
    look_at(url)
    picked, = connections
    assert picked['hostname'] in (None, 'localhost')
    assert (picked['port'], picked['userid'], picked['virtual_host']) == (5672, None, '/')


@pytest.mark.parametrize(('query', 'tls'), [
    ('', False), ('?ssl=0', False), ('?ssl=1', True), ('?ssl_ca_file={ca}', False),
    ('?ssl=true&ssl_ca_file={ca}', {'ca_certs': '{ca}', 'cert_reqs': ssl.CERT_REQUIRED, 'server_hostname': None}),
    ('?ssl=1&ssl_key_file={key}&ssl_cert_file={cert}', {'keyfile': '{key}', 'certfile': '{cert}'})])
def test_tls(connections, tmp_path, query, tls):
    authority = CertificateAuthority(tmp_path)
    own = authority.client()
    paths = {'ca': authority.ca, 'key': own.key, 'cert': own.cert}
    look_at(f'rabbit://u:p@h/{query.format(**paths)}')
    if isinstance(tls, dict):
        tls = {name: value.format(**paths) if isinstance(value, str) else value for name, value in tls.items()}
    assert connections[0]['ssl'] == tls


def test_no_password_in_the_log(connections, caplog):
    with caplog.at_level(logging.DEBUG):
        look_at('rabbit://u:secret@one,u:secret@two/')
    assert 'one' in caplog.text
    assert 'secret' not in caplog.text


def test_it_is_the_transports_url_that_counts():
    conf = new_conf()
    conf.set_override('transport_url', 'rabbit://u:p@h/')
    assert exclusive.queues_of(rpc_transport.build_transport(conf, 'fake://')) is None


def test_nothing_private_of_the_library_is_needed(monkeypatch):
    transport = transport_of('rabbit://u:p@h/')
    monkeypatch.delattr(transport._driver, '_url')
    assert exclusive.queues_of(transport).ghost_s == 190
