# SPDX-License-Identifier: Apache-2.0

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nova_vnc.db import sqlite_file

_HOLD = '''
import sys
from nova_vnc.db import sqlite_file
with sqlite_file.exclusively(sys.argv[1]):
    print('held', flush=True)
    sys.stdin.read()
'''


def test_threads_of_one_process_take_turns(tmp_path: Path):
    inside, most = [], []

    def enter() -> None:
        with sqlite_file.exclusively(str(tmp_path / 'file')):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()
    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4


def test_another_process_is_waited_for_while_other_threads_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = str(tmp_path / 'file')
    holder = subprocess.Popen([sys.executable, '-W', 'ignore', '-c', _HOLD, path], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == 'held\n'
        monkeypatch.setattr(sqlite_file, '_LOCK_TIMEOUT_S', 0.3)
        with pytest.raises(TimeoutError, match='another process holds the lock'), sqlite_file.exclusively(path):
            pass
        monkeypatch.setattr(sqlite_file, '_LOCK_TIMEOUT_S', 30)
        threading.Timer(0.2, holder.stdin.close).start()    # stands still if waiting stops green threads
        with sqlite_file.exclusively(path):
            pass
    finally:
        holder.kill()
        holder.wait()


def test_the_lock_is_for_its_owner_only(tmp_path: Path):
    with sqlite_file.exclusively(str(tmp_path / 'file')):
        assert (tmp_path / 'file.lock').stat().st_mode & 0o077 == 0
