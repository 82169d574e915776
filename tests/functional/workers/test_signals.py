# SPDX-License-Identifier: Apache-2.0
"""What signals do to a proxy with several workers."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.fixtures.polling import wait_until
from tests.fixtures.ports import is_listening
from tests.fixtures.worker_proxy import TIMEOUT_S, Session, WorkerProxy, everybody, open_at_each


def test_sigterm_drains_all_and_a_second_one_hurries_all(proxy: WorkerProxy) -> None:
    sessions = everybody(open_at_each(proxy, 6))
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: not is_listening(proxy.port), TIMEOUT_S, 'new connections to be refused')
    for session in sessions:
        session.check_echo()
    assert proxy.is_running()
    assert len(proxy.children()) == 2
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(TIMEOUT_S) == 0
    assert all(session.has_ended() for session in sessions)
    assert 'does not end' not in proxy.output()


def test_sigterm_ends_when_the_last_session_has(proxy: WorkerProxy) -> None:
    sessions = everybody(open_at_each(proxy, 2))
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: not is_listening(proxy.port), TIMEOUT_S, 'new connections to be refused')
    for session in sessions:
        session.close()
    assert proxy.wait(TIMEOUT_S) == 0


def test_the_time_to_drain_is_limited(make_proxy: Callable[..., WorkerProxy]) -> None:
    proxy = make_proxy(options={'novncproxy': {'drain_timeout': 1}})
    proxy.start()
    proxy.wait_until_ready()
    session = Session(proxy.port)
    proxy.signal(signal.SIGTERM)
    assert session.has_ended()
    assert session.close_code == 1001
    assert proxy.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_parent_and_workers_alike_is_one(proxy: WorkerProxy, number: int) -> None:
    """As a terminal sends it, and systemd with KillMode=control-group."""
    sessions = everybody(open_at_each(proxy, 2))
    os.killpg(proxy.pid, number)
    wait_until(lambda: not is_listening(proxy.port), TIMEOUT_S, 'new connections to be refused')
    for session in sessions:
        session.check_echo()
    os.killpg(proxy.pid, number)
    assert proxy.wait(TIMEOUT_S) == 0


class TestHangup:

    def test_workers_are_replaced_one_after_the_other_and_sessions_go_on(self, proxy: WorkerProxy) -> None:
        before = proxy.worker_pids()
        sessions = open_at_each(proxy, 6)
        proxy.add('[novncproxy]\nping_interval = 7\ndrain_timeout = 1\nworkers = 3\n')
        proxy.signal(signal.SIGHUP)
        proxy.wait_for_line('All workers have been replaced', TIMEOUT_S)
        assert 'New workers go by what has changed: [novncproxy]drain_timeout, [novncproxy]ping_interval' \
            in proxy.output()
        assert 'without effect before a restart: [novncproxy]workers\n' in proxy.output()
        after = proxy.worker_pids()
        assert {number: pids[0] for number, pids in after.items()} == {
            number: pids[0] for number, pids in before.items()}
        assert [len(pids) for pids in after.values()] == [2, 2]
        for session in everybody(sessions):
            session.check_echo()
        fresh = [Session(proxy.port) for _ in range(6)]
        assert not {session.worker_pid(proxy) for session in fresh}.intersection(sessions)
        for pid, opened in sessions.items():
            for session in opened:
                session.close()
            proxy.wait_for_line(rf'Worker \d \(pid {pid}\) ended with status 0', TIMEOUT_S)
        for session in fresh:
            session.check_echo()

    def test_no_connection_is_refused_meanwhile(self, proxy: WorkerProxy) -> None:
        mark = proxy.mark()
        proxy.signal(signal.SIGHUP)
        page = f'http://127.0.0.1:{proxy.port}/vnc_auto.html'
        while 'All workers have been replaced' not in proxy.output(since=mark):
            assert requests.get(page, timeout=TIMEOUT_S).status_code == 200

    def test_the_next_one_limits_the_time_of_those_replaced_before(self, make_proxy: Callable[..., WorkerProxy]
                                                                  ) -> None:
        proxy = make_proxy(options={'novncproxy': {'drain_timeout': 1}})
        proxy.start()
        proxy.wait_until_ready()
        session = Session(proxy.port)
        proxy.signal(signal.SIGHUP)
        proxy.wait_for_line('All workers have been replaced', TIMEOUT_S)
        session.check_echo()
        proxy.signal(signal.SIGHUP)
        assert session.has_ended()
        assert session.close_code == 1001

    def test_the_log_file_is_opened_anew_by_all(self, make_proxy: Callable[..., WorkerProxy]) -> None:
        proxy = make_proxy('--log-file', 'proxy.log')
        proxy.start()
        log, rotated = proxy.directory / 'proxy.log', proxy.directory / 'proxy.log.1'
        proxy.wait_until(lambda: log.exists() and 'workers serve' in log.read_text(), TIMEOUT_S, 'the workers')
        session = Session(proxy.port)
        log.rename(rotated)
        proxy.signal(signal.SIGHUP)
        proxy.wait_until(lambda: log.exists() and 'All workers have been replaced' in log.read_text(), TIMEOUT_S, 'it')
        proxy.wait_until(lambda: log.read_text().count('Another worker has the place') == 2, TIMEOUT_S, 'both to hear')
        session.close()
        proxy.wait_until(lambda: ' ended for 127.0.0.1' in log.read_text(), TIMEOUT_S, 'the end of the session in it')
        assert 'workers serve' not in log.read_text()

    @pytest.mark.parametrize('text', ['neither option nor section\n', '[novncproxy]\nconnect_timeout = never\n'])
    def test_options_that_cannot_be_used_replace_nobody(self, proxy: WorkerProxy, text: str) -> None:
        before = proxy.worker_pids()
        session = Session(proxy.port)
        whole = proxy.conf_path.read_text()
        proxy.add(text)
        proxy.signal(signal.SIGHUP)
        proxy.wait_for_line('ERROR .*(nothing has changed|are not replaced: .*connect_timeout = never)', TIMEOUT_S)
        session.check_echo()
        assert proxy.worker_pids() == before
        proxy.conf_path.write_text(whole)
        proxy.signal(signal.SIGHUP)
        proxy.wait_for_line('All workers have been replaced', TIMEOUT_S)
        session.check_echo()


def test_each_process_writes_its_report(make_proxy: Callable[..., WorkerProxy], tmp_path: Path) -> None:
    proxy = make_proxy(options={'oslo_reports': {'log_dir': tmp_path}})
    proxy.start()
    proxy.wait_until_ready()
    proxy.signal(signal.SIGUSR2)
    wait_until(lambda: len(list(tmp_path.glob('*_gurumeditation_*'))) == 3, TIMEOUT_S, 'three reports')
    names = sorted(path.name.partition('_gurumeditation')[0] for path in tmp_path.glob('*_gurumeditation_*'))
    assert names == ['worker_proxy.py', 'worker_proxy.py-worker-1', 'worker_proxy.py-worker-2']


def test_the_port_is_free_at_once(proxy: WorkerProxy) -> None:
    Session(proxy.port)
    proxy.terminate_at_once()
    with socket.create_server(('127.0.0.1', proxy.port)):
        pass
