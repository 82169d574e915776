# SPDX-License-Identifier: Apache-2.0
"""How a proxy with several workers starts, and why it does not."""

import os
import signal
from collections.abc import Callable

import psutil
import pytest

from tests.fixtures.polling import wait_until
from tests.fixtures.ports import is_listening
from tests.fixtures.process import kill_all
from tests.fixtures.worker_proxy import TIMEOUT_S, Session, WorkerProxy


def test_ps_shows_who_is_who(proxy: WorkerProxy) -> None:
    assert sorted(proxy.worker_pids()) == [1, 2]
    assert all(len(pids) == 1 for pids in proxy.worker_pids().values())
    assert ' worker ' not in ' '.join(psutil.Process(proxy.pid).cmdline())


def test_a_second_start_on_the_same_port_fails(proxy: WorkerProxy, make_proxy: Callable[..., WorkerProxy]) -> None:
    second = make_proxy(port=proxy.port)
    second.start()
    assert second.wait(TIMEOUT_S) == 1
    line, = [line for line in second.output().splitlines() if ' CRITICAL ' in line]
    assert 'Address already in use' in line
    Session(proxy.port).check_echo()


@pytest.mark.parametrize(('options', 'reason'), [
    ({'novncproxy': {'target_networks': 'nowhere'}}, "'nowhere' is not a network in CIDR notation"),
    ({'DEFAULT': {'web': '/nonexistent'}}, 'there is no such directory'),
    ({'DEFAULT': {'record': '/nonexistent/record'}}, '[DEFAULT]record'),
    ({'novncproxy': {'workers': 'many'}}, '[novncproxy]workers = many')])
def test_why_it_cannot_start_is_said_once(make_proxy: Callable[..., WorkerProxy], options: dict[str, dict[str, str]],
                                          reason: str) -> None:
    options.setdefault('novncproxy', {}).setdefault('workers', '2')
    proxy = make_proxy(options=options)
    proxy.start()
    assert proxy.wait(TIMEOUT_S) == 1
    assert proxy.output().count(reason) == 1
    assert 'Traceback' not in proxy.output()
    assert not is_listening(proxy.port)


def test_a_worker_that_ends_without_a_word_is_named(make_proxy: Callable[..., WorkerProxy]) -> None:
    proxy = make_proxy()
    proxy.break_workers(7)
    proxy.start()
    assert proxy.wait(TIMEOUT_S) == 1
    line, = [line for line in proxy.output().splitlines() if ' CRITICAL ' in line]
    assert 'ended with status 7 before it was ready' in line


def test_0_means_one_for_each_core(make_proxy: Callable[..., WorkerProxy]) -> None:
    proxy = make_proxy(options={'novncproxy': {'workers': 0}})
    proxy.start()
    cores = len(os.sched_getaffinity(0))
    proxy.wait_for_line('Listening for browsers', TIMEOUT_S)
    proxy.wait_until(lambda: len(proxy.worker_pids()) == (cores if cores > 1 else 0), TIMEOUT_S, 'workers')


def test_a_single_one_has_no_parent(make_proxy: Callable[..., WorkerProxy]) -> None:
    proxy = make_proxy(options={'novncproxy': {'workers': 1}})
    proxy.start()
    proxy.wait_for_line('Listening for browsers', TIMEOUT_S)
    Session(proxy.port).check_echo()
    assert proxy.children() == []


def test_in_the_background(make_proxy: Callable[..., WorkerProxy]) -> None:
    proxy = make_proxy('--daemon', '--log-file', 'proxy.log')
    proxy.start()
    assert proxy.wait(TIMEOUT_S) == 0
    found = [process for process in psutil.process_iter(['cmdline'])
             if str(proxy.conf_path) in ' '.join(process.info['cmdline'] or [])]
    try:
        assert len(found) == 3
        session = Session(proxy.port)
        session.check_echo()
        session.close()
        parent, = [process for process in found if ' worker ' not in ' '.join(process.cmdline())]
        assert {os.readlink(f'/proc/{process.pid}/fd/2') for process in found} == {'/dev/null'}
        parent.send_signal(signal.SIGTERM)
        wait_until(lambda: not any(process.is_running() for process in found), TIMEOUT_S, 'the end of all')
    finally:
        kill_all(found)
    assert proxy.output() == ''
