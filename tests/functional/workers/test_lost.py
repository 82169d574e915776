# SPDX-License-Identifier: Apache-2.0
"""Workers, and their parent, that end, hang or cannot start."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.fixtures.echo_vnc_server import EchoVNCServer
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import is_listening
from tests.fixtures.service_manager import ServiceManager
from tests.fixtures.worker_proxy import TIMEOUT_S, Session, WorkerProxy, everybody, open_at_each, open_crowd

SESSIONS = 1000
NEWCOMERS = 200
WATCHDOG_S = 60


def number_of(proxy: WorkerProxy, pid: int) -> int:
    return next(number for number, pids in proxy.worker_pids().items() if pid in pids)


def check_serves(proxy: WorkerProxy, pid: int) -> None:
    """See that this worker, among others, gets sessions."""
    wait_until(lambda: Session(proxy.port).worker_pid(proxy) == pid, TIMEOUT_S, 'a session there', interval_s=0)


def test_a_worker_that_is_killed_takes_only_its_own_sessions_with_it(
        make_proxy: Callable[..., WorkerProxy], vnc_server_for_many: EchoVNCServer, tmp_path: Path) -> None:
    manager = ServiceManager(tmp_path, watchdog_s=WATCHDOG_S)
    # A thousand clients in one thread do not answer pings in time.
    proxy = make_proxy(environment=manager.environment, vnc_port=vnc_server_for_many.port,
                       options={'novncproxy': {'ping_interval': 0}})
    proxy.start()
    proxy.wait_until_ready()
    sessions = open_crowd(proxy, SESSIONS)
    check_is_spread(sessions, SESSIONS)
    manager.wait_for(f'STATUS={SESSIONS} sessions', TIMEOUT_S)
    lost, kept = sessions
    number = number_of(proxy, lost)
    for session in everybody(sessions):
        session.check_echo()

    send_and_kill(sessions[kept], lost)
    line = proxy.wait_for_line(rf'^.*Worker {number} \(pid {lost}\) was ended by SIGKILL after .*$', TIMEOUT_S)[0]
    assert ' ERROR ' in line
    assert f'of its sessions, {len(sessions[lost])} when it last told, none is left' in line
    for session in sessions[kept]:
        session.check_answer()
    assert all(session.has_ended() for session in sessions[lost])
    check_serves(proxy, proxy.wait_for_successor(number, [lost]))
    fresh = open_crowd(proxy, NEWCOMERS)
    check_is_spread(fresh, NEWCOMERS)
    for session in (*sessions[kept], *everybody(fresh)):
        session.check_echo()
    assert proxy.output().count(f'(pid {lost})') == 1
    manager.close()
    assert proxy.terminate_at_once() == 0


def check_is_spread(sessions: dict[int, list[Session]], count: int) -> None:
    """See that each of two workers has some; the kernel gives a connection to whichever comes first."""
    assert len(sessions) == 2
    assert min(map(len, sessions.values())) >= count / 20


def send_and_kill(sessions: list[Session], pid: int) -> None:
    """Have each session send, and kill this process when half of them have."""
    half = len(sessions) // 2
    for session in sessions[:half]:
        session.send()
    psutil.Process(pid).kill()
    for session in sessions[half:]:
        session.send()


def test_a_worker_that_hangs_is_replaced_and_systemd_hears_on(
        make_proxy: Callable[..., WorkerProxy], tmp_path: Path) -> None:
    manager = ServiceManager(tmp_path, watchdog_s=8)
    proxy = make_proxy(environment=manager.environment)
    proxy.start()
    manager.wait_for('READY=1', TIMEOUT_S)
    assert len(proxy.worker_pids()) == 2
    sessions = open_at_each(proxy, 2)
    manager.wait_for(f'STATUS={sum(map(len, sessions.values()))} sessions', TIMEOUT_S)
    hung, other = sessions
    number = number_of(proxy, hung)
    psutil.Process(hung).suspend()
    proxy.wait_for_line(rf'ERROR .*Worker {number} \(pid {hung}\) has given no sign of life for \d+ s', TIMEOUT_S)
    proxy.wait_for_line(rf'Worker {number} \(pid {hung}\) was ended by SIGKILL', TIMEOUT_S)
    check_serves(proxy, proxy.wait_for_successor(number, [hung]))
    for session in sessions[other]:
        session.check_echo()
    manager.read()
    assert manager.messages.count('READY=1') == 1
    manager.wait_for('WATCHDOG=1', TIMEOUT_S)
    assert proxy.terminate_at_once() == 0
    manager.read()
    assert 'STOPPING=1' in manager.messages
    manager.close()


def test_a_parent_that_was_stopped_itself_kills_nobody(make_proxy: Callable[..., WorkerProxy], tmp_path: Path) -> None:
    manager = ServiceManager(tmp_path, watchdog_s=4)
    proxy = make_proxy(environment=manager.environment)
    proxy.start()
    manager.wait_for('READY=1', TIMEOUT_S)
    proxy.signal(signal.SIGSTOP)
    manager.wait_for_silence(TIMEOUT_S)
    manager.wait_for_silence(TIMEOUT_S)
    proxy.signal(signal.SIGCONT)
    manager.wait_for('WATCHDOG=1', TIMEOUT_S)
    manager.wait_for('WATCHDOG=1', TIMEOUT_S)
    assert 'no sign of life' not in proxy.output()
    manager.close()


def test_workers_do_not_linger_without_their_parent(proxy: WorkerProxy) -> None:
    family = proxy.children()
    session = Session(proxy.port)
    proxy.signal(signal.SIGKILL)
    wait_until(lambda: not is_listening(proxy.port), TIMEOUT_S, 'the port to be free')
    session.check_echo()
    session.close()
    wait_until(lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family),
               TIMEOUT_S, 'the end of the workers')
    assert proxy.output().count('The parent process has ended: this worker stops') == 2


def test_one_that_dies_again_and_again_is_started_less_and_less_often(proxy: WorkerProxy) -> None:
    proxy.break_workers(3)
    (number, (pid,)), _ = proxy.worker_pids().items()
    psutil.Process(pid).kill()
    for pause_s in (1, 2, 4):
        proxy.wait_for_line(rf'Worker {number} \(pid \d+\) ended with status 3 before it was ready', TIMEOUT_S)
        proxy.wait_for_line(rf'WARNING .*Worker {number} is started again in {pause_s} s: it has failed', TIMEOUT_S)
    Session(proxy.port).check_echo()
    proxy.break_workers(None)
    successor = proxy.wait_for_successor(number, [pid])
    check_serves(proxy, successor)


def test_where_none_can_be_kept_running_the_service_ends(proxy: WorkerProxy) -> None:
    proxy.break_workers(3)
    for pids in proxy.worker_pids().values():
        psutil.Process(pids[0]).kill()
    assert proxy.wait(TIMEOUT_S) == 1
    assert 'CRITICAL ' in proxy.output()
    assert 'None of the 2 workers can be kept running' in proxy.output()


def test_a_worker_that_somebody_else_stops_drains_and_is_replaced(proxy: WorkerProxy) -> None:
    sessions = open_at_each(proxy, 2)
    leaving, _ = sessions
    number = number_of(proxy, leaving)
    psutil.Process(leaving).terminate()
    proxy.wait_for_successor(number, [leaving])
    for session in everybody(sessions):
        session.check_echo()
    for session in sessions[leaving]:
        session.close()
    proxy.wait_for_line(rf'Worker {number} \(pid {leaving}\) ended with status 0', TIMEOUT_S)
