# SPDX-License-Identifier: Apache-2.0
import os
import socket
import threading
import time

import pytest

from nova_vnc import concurrency
from nova_vnc.net import resolver
from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.resolver import Resolver
from tests.fixtures.polling import wait_until

UNKNOWN = socket.gaierror(socket.EAI_NONAME, 'Name or service not known')
NO_ANSWER = socket.gaierror(socket.EAI_AGAIN, 'Temporary failure in name resolution')


class NameServer:
    """Answers each name with the address, or raises it; hangs until let_go() where there is None.

    :ivar asked: the names, in the order in which they were asked for
    """

    def __init__(self):
        self.address = '192.0.2.1'
        self.asked = []
        # Lookups run in native threads, under eventlet too.
        self._go = concurrency.native_threading().Event()

    def look_up(self, host):
        self.asked.append(host)
        if self.address is None:
            self._go.wait(60)
        if isinstance(self.address, OSError):
            raise self.address
        return [self.address]

    def let_go(self, address='192.0.2.1'):
        self.address = address
        self._go.set()


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def server():
    server = NameServer()
    yield server
    server.let_go()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def names(server, clock):
    return Resolver(server.look_up, patience_s=0.5, clock=clock)


def ask(names, host, seconds=10):
    return names.resolve(host, Deadline(seconds))


def ask_in_threads(names, hosts, seconds):
    """Return what each of many callers at once gets: addresses, or what was raised."""
    results = [None] * len(hosts)

    def call(number, host):
        try:
            results[number] = ask(names, host, seconds)
        except OSError as error:
            results[number] = error

    callers = [threading.Thread(target=call, args=item, daemon=True) for item in enumerate(hosts)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return results


def native_threads():
    return len(os.listdir('/proc/self/task'))


@pytest.mark.parametrize('address', ['192.0.2.1', '2001:db8::1'])
def test_an_address_needs_no_resolver(names, server, address):
    assert ask(names, address, 0) == [address]
    assert not server.asked


def test_the_systems_resolver():
    assert '127.0.0.1' in ask(Resolver(), 'localhost')


@pytest.mark.parametrize('name', ['no-such-host.invalid', 'a' * 64 + '.invalid', 'a..b', ''])
def test_an_unknown_name(name):
    with pytest.raises(socket.gaierror):
        ask(Resolver(), name, 30)


def test_no_time_left(names, server):
    with pytest.raises(DeadlineExceeded):
        ask(names, 'a.example', 0)
    assert not server.asked


def test_a_resolver_that_hangs_ends_with_the_deadline(names, server):
    server.address = None
    with pytest.raises(DeadlineExceeded):
        ask(names, 'a.example', 0.05)


def test_an_answer_is_asked_for_again_when_it_is_old(names, server, clock):
    assert ask(names, 'a.example') == ['192.0.2.1']
    server.address = '192.0.2.2'
    clock.now += 29
    assert ask(names, 'a.example') == ['192.0.2.1']
    clock.now += 2
    assert ask(names, 'a.example') == ['192.0.2.2']
    assert len(server.asked) == 2


def test_callers_at_once_share_one_lookup(names, server):
    server.address = None
    timer = threading.Timer(0.2, server.let_go)
    timer.start()
    assert ask_in_threads(names, ['a.example'] * 50, 10) == [['192.0.2.1']] * 50
    assert server.asked == ['a.example']


def test_callers_at_once_share_one_failure(names, server):
    server.address = None
    timer = threading.Timer(0.2, server.let_go, [UNKNOWN])
    timer.start()
    results = ask_in_threads(names, ['a.example'] * 10, 10)
    assert {(type(error), error.errno) for error in results} == {(socket.gaierror, socket.EAI_NONAME)}
    assert len(set(map(id, results))) == 10
    assert server.asked == ['a.example']


@pytest.mark.parametrize('trouble', [None, NO_ANSWER], ids=['hangs', 'fails'])
def test_a_name_that_was_known_is_served_while_the_resolver(names, server, clock, trouble):
    ask(names, 'a.example')
    server.address = trouble
    clock.now += 3000
    assert ask(names, 'a.example') == ['192.0.2.1']
    clock.now += 1      # the lookup that hangs is older than the patience now
    begin = time.monotonic()
    for _ in range(100):
        assert ask(names, 'a.example') == ['192.0.2.1']
    assert time.monotonic() - begin < 5


def test_a_name_that_was_known_is_not_served_for_ever(names, server, clock):
    ask(names, 'a.example')
    server.address = NO_ANSWER
    clock.now += 3601
    with pytest.raises(socket.gaierror):
        ask(names, 'a.example')


def test_a_name_that_is_no_more_is_forgotten(names, server, clock):
    ask(names, 'a.example')
    clock.now += 31
    server.address = UNKNOWN
    with pytest.raises(socket.gaierror):
        ask(names, 'a.example')
    server.address = NO_ANSWER
    with pytest.raises(socket.gaierror):
        ask(names, 'a.example')


def test_1000_names_while_the_resolver_hangs(server):
    names = Resolver(server.look_up, max_lookups=4)
    server.address = None
    before = native_threads()
    for hundred in range(10):
        hosts = [f'{hundred}-{number}.example' for number in range(100)]
        results = ask_in_threads(names, hosts, 0.02)
        assert {type(result) for result in results} == {DeadlineExceeded}
    wait_until(lambda: native_threads() <= before + 2 * 4, 10, 'the threads of the callers to end')
    assert len(server.asked) == 4
    server.let_go()
    wait_until(lambda: not names._lookups, 10, 'the lookups to end')
    assert ask(names, 'b.example') == ['192.0.2.1']


def test_abandoned_lookups_leave_room_for_other_native_calls(names, server):
    server.address = None
    ask_in_threads(names, [f'{number}.example' for number in range(40)], 0.05)
    done = threading.Event()

    def call():
        concurrency.run_native(max, 1, 2)
        done.set()

    threading.Thread(target=call, daemon=True).start()
    assert done.wait(5)


def test_what_a_lookup_raises_is_passed_on():
    def fail(host):
        raise RuntimeError('a defect')

    names = Resolver(fail, max_lookups=1)
    for _ in range(3):
        with pytest.raises(RuntimeError, match='a defect'):
            ask(names, 'a.example')


def test_asks_the_system_once_for_each_address(monkeypatch):
    found = [(socket.AF_INET, kind, 0, '', (address, 0))
             for address in ('192.0.2.1', '192.0.2.2', '192.0.2.1') for kind in (1, 2)]
    monkeypatch.setattr(socket, 'getaddrinfo', lambda *args, **kwargs: found)
    assert resolver.get_addresses('a.example') == ['192.0.2.1', '192.0.2.2']
