# SPDX-License-Identifier: Apache-2.0
"""Real files, real threads; the disk's troubles are a limit of the size of files and a FIFO that nobody reads."""

import logging
import os
import resource
import signal
import stat
import threading
from pathlib import Path

import pytest

from nova_vnc.novncproxy import recording as recording_module
from nova_vnc.novncproxy.recording import Recorder
from tests.fixtures.fail import unexpected
from tests.fixtures.polling import wait_until
from tests.fixtures.recordings import read_recording


@pytest.fixture
def start(tmp_path):
    recorders = []

    def start_one(**arguments):
        recorder = Recorder(str(tmp_path / 'session'), **arguments)
        recorder.check()
        recorder.start(unexpected)
        recorders.append(recorder)
        return recorder

    yield start_one
    for recorder in recorders:
        recorder.stop()


def wait_for_end(path):
    wait_until(lambda: os.path.exists(path) and Path(path).read_text().endswith("'EOF'];\n"), 30, 'the end of the file')


def test_a_session(start):
    recording = start().open('1')
    recording.to_client(b'RFB 003.008\n')
    recording.from_client(memoryview(b'\x00\xff\'"\\'))
    recording.to_client(b'')
    recording.close()
    recording.to_client(b'too late')
    recording.close()
    wait_for_end(recording.path)
    assert [frame[1:] for frame in read_recording(recording.path)] == [
        ('{', b'RFB 003.008\n'), ('}', b'\x00\xff\'"\\')]


def test_the_file_is_for_its_owner_alone_whatever_the_umask(start, tmp_path):
    before = os.umask(0)
    try:
        recording = start().open('1')
        recording.close()
        wait_for_end(recording.path)
    finally:
        os.umask(before)
    assert recording.path == f'{tmp_path}/session.1'
    assert stat.S_IMODE(os.stat(recording.path).st_mode) == 0o600


def test_it_is_written_while_the_session_goes_on_and_in_order(start):
    recording = start().open('1')
    for number in range(1000):
        recording.to_client(b'%d ' % number)
    wait_until(lambda: os.path.exists(recording.path) and os.path.getsize(recording.path) > 10_000, 30, 'the data')
    recording.close()
    wait_for_end(recording.path)
    frames = read_recording(recording.path)
    assert b''.join(data for _, _, data in frames) == b''.join(b'%d ' % number for number in range(1000))
    assert sorted(time_ms for time_ms, _, _ in frames) == [time_ms for time_ms, _, _ in frames]


def test_what_is_pending_at_the_stop_is_written(start):
    recorder = start()
    recording = recorder.open('1')
    recording.to_client(b'last words')
    recording.close()
    recorder.stop()
    assert read_recording(recording.path)[0][2] == b'last words'


@pytest.mark.parametrize('in_the_way', ['a file', 'a symbolic link'])
def test_nothing_is_written_over(start, tmp_path, caplog, in_the_way):
    precious = tmp_path / ('session.1' if in_the_way == 'a file' else 'precious')
    precious.write_text('precious')
    if in_the_way != 'a file':
        (tmp_path / 'session.1').symlink_to(precious)
    recorder = start()
    recording = recorder.open('1')
    recording.to_client(b'words')
    wait_until(lambda: recording.given_up, 30, 'the error')
    recording.to_client(b'words')
    recording.close()
    recorder.stop()
    assert precious.read_text() == 'precious'
    line, = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert '[DEFAULT]record' in line.getMessage()
    assert 'File exists' in line.getMessage()
    assert 'The session itself goes on' in line.getMessage()


def test_the_directory_goes_away(start, tmp_path, caplog):
    recorder = start()
    recorder._prefix = str(tmp_path / 'gone' / 'session')
    recording = recorder.open('1')
    recording.close()
    wait_until(lambda: 'No such file or directory' in caplog.text, 30, 'the error')


def test_a_full_disk_leaves_what_was_whole(start, caplog):
    """A limit of the size of files stands for the disk: writes stop in the midst of a line."""
    recorder = start()
    recording, other = recorder.open('1'), recorder.open('2')
    recording.to_client(b'first')
    other.to_client(b'first')
    wait_until(lambda: recording.file.good_bytes and other.file.good_bytes, 30, 'the beginning')
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        recording.to_client(b'x' * 20_000)
        wait_until(lambda: recording.given_up, 30, 'the error')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    other.close()
    wait_for_end(recording.path)
    wait_for_end(other.path)
    assert [data for _, _, data in read_recording(recording.path)] == [b'first']
    assert [data for _, _, data in read_recording(other.path)] == [b'first']
    wait_until(lambda: 'File too large' in caplog.text, 30, 'the line')
    assert caplog.text.count('is not complete') == 1


@pytest.fixture
def disk(monkeypatch):
    """An event; until it is set the disk hangs."""
    go_on = threading.Event()
    work = recording_module._work

    def hang(jobs):
        go_on.wait(60)
        return work(jobs)

    monkeypatch.setattr(recording_module, '_work', hang)
    monkeypatch.setattr(recording_module.concurrency, 'run_native', lambda function, *arguments: function(*arguments))
    yield go_on
    go_on.set()


def test_what_is_kept_is_bounded_when_the_disk_hangs_with_the_largest(start, disk):
    recorder = start(max_pending_bytes=100_000)
    large, *others = (recorder.open(str(number)) for number in range(20))
    large.to_client(b'x' * 60_000)
    wait_until(lambda: not recorder._waiting, 30, 'the hang')
    large.to_client(b'x')
    for _ in range(5):
        for other in others:
            other.to_client(b'x' * 10_000)
            assert recorder._pending_bytes <= 100_000
    disk.set()
    for recording in (large, *others):
        recording.close()
    wait_until(lambda: not recorder._pending_bytes, 30, 'the end')


def test_a_disk_that_hangs_holds_nobody_up_and_what_is_kept_is_bounded(start, disk, caplog):
    """Who has most pending goes first; who has little is written out later."""
    recorder = start(max_pending_bytes=100_000)
    first, large, small = recorder.open('first'), recorder.open('large'), recorder.open('small')
    wait_until(lambda: not recorder._waiting, 30, 'the hang')
    small.to_client(b'little')
    for _ in range(100):
        large.to_client(b'x' * 10_000)
        assert recorder._pending_bytes <= 100_000
    assert large.is_over
    small.to_client(b' by little')
    disk.set()
    for recording in (first, small, large):
        recording.close()
        wait_for_end(recording.path)
    assert b''.join(data for _, _, data in read_recording(small.path)) == b'little by little'
    wait_until(lambda: 'not complete' in caplog.text, 30, 'the line')
    recorder.stop()
    assert caplog.text.count('is not complete') == 1
    assert 'Session large: its recording' in caplog.text
    assert recorder._pending_bytes == 0
