# SPDX-License-Identifier: Apache-2.0
import threading

from nova_vnc.spare_threads import SpareThreads
from tests.fixtures.polling import wait_until


def run_and_wait(threads):
    """Return the thread that has done a piece of work, once it has."""
    found, done = [], threading.Event()

    def work():
        assert threading.current_thread().name == 'spare'
        found.append(threading.current_thread())
        done.set()
    threads.run(work)
    assert done.wait(30)
    return found[0]


def test_a_thread_that_is_done_is_used_again():
    threads = SpareThreads('spare')
    first = run_and_wait(threads)
    wait_until(lambda: first.name == 'spare-idle', 30, 'the thread to be idle')
    assert first.daemon
    wait_until(lambda: run_and_wait(threads) is first, 30, 'the thread to be used again')


def test_no_work_waits_for_other_work():
    threads = SpareThreads('spare')
    go_on, arrived = threading.Event(), threading.Semaphore(0)

    def wait():
        arrived.release()
        go_on.wait(30)
    for _ in range(3):
        for _ in range(20):
            threads.run(wait)
        for _ in range(20):
            assert arrived.acquire(timeout=30)
        go_on.set()


def test_an_idle_thread_ends():
    threads = SpareThreads('spare', idle_s=0.01)
    first = run_and_wait(threads)
    wait_until(lambda: not first.is_alive(), 30, 'the thread to end')
    assert run_and_wait(threads) is not first


def test_threads_that_come_and_go_lose_no_work():
    threads = SpareThreads('spare', idle_s=0.0005)
    done = threading.Semaphore(0)
    for _ in range(500):
        threads.run(done.release)
    for _ in range(500):
        assert done.acquire(timeout=30)
