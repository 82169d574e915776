# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
import threading

import pytest

from nova_vnc.rpc import background


def test_outcome():
    assert background.start(lambda: threading.current_thread().name, 'worker').result(10) == 'worker'
    with pytest.raises(ZeroDivisionError):
        background.start(lambda: 1 / 0, 'worker').result(10)


def test_no_thread_to_be_had(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")
    monkeypatch.setattr(threading.Thread, 'start', refuse)
    outcome = background.start(lambda: 1, 'worker')
    with pytest.raises(RuntimeError):
        outcome.result(10)


def test_what_is_left_behind_does_not_hold_up_the_end_of_a_process():
    script = ('import threading\nfrom nova_vnc.rpc import background\n'
              'background.start(threading.Event().wait, "worker")\n')
    assert subprocess.run([sys.executable, '-c', script], timeout=30, check=False).returncode == 0
