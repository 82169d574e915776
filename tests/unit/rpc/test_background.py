# SPDX-License-Identifier: Apache-2.0
import gc
import os
import subprocess
import sys
import threading
import weakref

import pytest

from nova_vnc.rpc import background
from nova_vnc.spare_threads import SpareThreads
from tests.fixtures.polling import wait_until


def test_outcome():
    assert background.start(lambda: threading.current_thread().name, 'worker').result(10) == 'worker'
    with pytest.raises(ZeroDivisionError):
        background.start(lambda: 1 / 0, 'worker').result(10)


def test_no_thread_to_be_had(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")
    monkeypatch.setattr(background, '_threads', SpareThreads('background'))
    monkeypatch.setattr(threading.Thread, 'start', refuse)
    outcome = background.start(lambda: 1, 'worker')
    with pytest.raises(RuntimeError):
        outcome.result(10)


def test_what_is_left_behind_does_not_hold_up_the_end_of_a_process():
    script = ('import threading\nfrom nova_vnc.rpc import background\n'
              'background.start(threading.Event().wait, "worker")\n')
    assert subprocess.run([sys.executable, '-c', script], timeout=30, check=False).returncode == 0


def test_threads_are_used_again(monkeypatch):
    # With those that other tests have left idle it would be another one's turn each time.
    monkeypatch.setattr(background, '_threads', SpareThreads('background'))

    def first_is_used_again():
        first = background.start(threading.current_thread, 'worker').result(10)
        return background.start(threading.current_thread, 'other').result(10) is first
    wait_until(first_is_used_again, 10, 'a thread to be used again')
    assert background.start(lambda: threading.current_thread().name, 'other').result(10) == 'other'


def test_an_idle_thread_holds_nothing():
    class Held:
        pass
    held, error = Held(), None
    reference = weakref.ref(held)

    def fail(held=held):
        raise ZeroDivisionError
    outcome = background.start(fail, 'worker')
    with pytest.raises(ZeroDivisionError):
        outcome.result(10)
    del held, fail, outcome, error

    def is_gone():
        gc.collect()
        return reference() is None
    wait_until(is_gone, 10, 'it to be let go of')


def test_a_forked_process_has_threads_of_its_own():
    background.start(lambda: 1, 'worker').result(10)
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if background.start(lambda: 2, 'worker').result(10) == 2 else 1
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
