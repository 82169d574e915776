# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT]record: each session goes into a file of its own, as the browser sees it.

No session waits for the disk, not even for its file to be opened: what is to be written is kept, and one thread writes
it out some times a second, the disk's part of it in a native thread. What is kept is bounded for all sessions together.
A recording that cannot go on is given up, the largest one first where the disk is too slow; its session goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
import threading
import time

from oslo_log import log as logging

from nova_vnc import concurrency, exception, threads
from nova_vnc.net.deadline import Deadline
from nova_vnc.net.stream import Stream
from nova_vnc.novncproxy import recording_format as file_format

LOG = logging.getLogger(__name__)

# Half a second of what a local disk takes, and some seconds of one full-screen video.
MAX_PENDING_BYTES = 64 * 1024 * 1024
# How long small pieces are gathered.
_GATHER_S = 0.2
# At the end of the process, for what is pending.
_STOP_TIMEOUT_S = 5.0
# The screen of a VM, and all that is typed there, passwords too: for the user of the service alone.
_MODE = 0o600
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TOO_SLOW = 'the disk does not take it fast enough'


class _File:
    """What the native part knows of a recording; its methods raise OSError.

    :ivar good_bytes: its length up to the last line that is whole
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd: int | None = None
        self.good_bytes = 0

    def append(self, data: bytes) -> None:
        if self._fd is None:
            self._fd = os.open(self._path, _FLAGS, _MODE)
        self._write(data)
        self.good_bytes += len(data)

    def finish(self) -> None:
        """Write the last line behind what is whole, if that can be done, and close."""
        if self._fd is None:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self.good_bytes)
            os.lseek(self._fd, self.good_bytes, os.SEEK_SET)
            self._write(file_format.FOOTER)
        fd, self._fd = self._fd, None
        os.close(fd)    # which tells of what could not be written later on, as on NFS

    def _write(self, data: bytes) -> None:
        assert self._fd is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view):]


@dataclasses.dataclass
class _Job:
    recording: Recording
    data: bytes
    is_last: bool


class Recording:
    """One session's. Its methods never block and never raise; any thread may call them, in the order of the bytes.

    from_client() and to_client() return what they are given: they are filters for the relay.
    """

    def __init__(self, recorder: Recorder, session_id: str, path: str) -> None:
        self._recorder = recorder
        self._since = time.monotonic()
        self.session_id = session_id
        self.path = path
        self.file = _File(path)
        # Under the recorder's lock.
        self.pending = [file_format.HEADER]
        self.pending_bytes = len(file_format.HEADER)
        self.writing_bytes = 0
        self.is_over = False
        self.given_up = ''

    def from_client(self, payload: bytes | memoryview) -> bytes | memoryview:
        self._add(file_format.FROM_CLIENT, payload)
        return payload

    def to_client(self, payload: bytes | memoryview) -> bytes | memoryview:
        self._add(file_format.TO_CLIENT, payload)
        return payload

    def close(self) -> None:
        """No more comes."""
        self._recorder.finish(self)

    def _add(self, direction: str, payload: bytes | memoryview) -> None:
        if payload and not self.is_over:
            time_ms = int((time.monotonic() - self._since) * 1000)
            self._recorder.add(self, file_format.build_frame(direction, time_ms, payload))


class Recorder:
    """
    :param prefix: of the paths of the files; the id of the session follows, which is unique for ever
    """

    def __init__(self, prefix: str, max_pending_bytes: int = MAX_PENDING_BYTES) -> None:
        self._prefix = os.path.abspath(prefix)
        self._max_pending_bytes = max_pending_bytes
        self._pending_bytes = 0
        self._waiting: dict[Recording, None] = {}     # in the order in which they came
        self._lock = threading.Lock()
        self._wakeup = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def check(self) -> None:
        """:raises ConfigurationError: files cannot be made there"""
        directory = os.path.dirname(self._prefix)
        try:
            with tempfile.TemporaryFile(dir=directory):
                pass
        except OSError as error:
            raise exception.ConfigurationError(
                reason=f'[DEFAULT]record = {self._prefix}: the directory {directory} cannot be written to: '
                       f'{error.strerror}. Give it to the user of nova-novncproxy, or unset the option.') from None

    def start(self, fail: threads.Fail) -> None:
        self._thread = threads.start('recordings', self._run, fail, self._stopping.is_set)

    def stop(self) -> None:
        """Write out what is pending, for some seconds at most. Sessions have ended by now."""
        self._stopping.set()
        self._wakeup.set()
        if self._thread is not None:
            self._thread.join(_STOP_TIMEOUT_S)

    def open(self, session_id: str) -> Recording:
        recording = Recording(self, session_id, f'{self._prefix}.{session_id}')
        with self._lock:
            self._pending_bytes += recording.pending_bytes
            self._waiting[recording] = None
        self._wake()
        LOG.info('Session %s: recorded in %s', session_id, recording.path)
        return recording

    def add(self, recording: Recording, line: bytes) -> None:
        with self._lock:
            if recording.is_over:
                return
            recording.pending.append(line)
            recording.pending_bytes += len(line)
            self._pending_bytes += len(line)
            self._waiting[recording] = None
            while self._pending_bytes > self._max_pending_bytes and self._give_up_largest():
                pass
        self._wake()

    def finish(self, recording: Recording) -> None:
        with self._lock:
            if recording.is_over:
                return
            recording.is_over = True
            self._waiting[recording] = None
        self._wake()

    def _give_up_largest(self) -> bool:
        """Make room; return False where there is none to be had, as all is being written."""
        # One that the disk hangs with may be the largest, and yet have nothing to give.
        candidates = [recording for recording in self._waiting if recording.pending_bytes]
        if not candidates:
            return False
        largest = max(candidates, key=lambda recording: recording.pending_bytes + recording.writing_bytes)
        self._pending_bytes -= largest.pending_bytes
        largest.pending, largest.pending_bytes = [], 0
        largest.is_over, largest.given_up = True, largest.given_up or _TOO_SLOW
        return True

    def _wake(self) -> None:
        if not self._wakeup.is_set():
            self._wakeup.set()

    # The thread.

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wakeup.wait()
            self._stopping.wait(_GATHER_S)
            self._wakeup.clear()
            self._write_out()
        while self._waiting:
            self._write_out()

    def _write_out(self) -> None:
        jobs = self._take_jobs()
        errors = concurrency.run_native(_work, jobs)
        with self._lock:
            for job, error in zip(jobs, errors, strict=True):
                self._pending_bytes -= len(job.data)
                job.recording.writing_bytes = 0
                if error:
                    self._drop(job.recording, error)
        for job, error in zip(jobs, errors, strict=True):
            if error or job.is_last:
                self._tell(job.recording)

    def _take_jobs(self) -> list[_Job]:
        with self._lock:
            jobs = []
            for recording in self._waiting:
                jobs.append(_Job(recording, b''.join(recording.pending), recording.is_over))
                recording.writing_bytes = recording.pending_bytes
                recording.pending, recording.pending_bytes = [], 0
            self._waiting.clear()
        return jobs

    def _drop(self, recording: Recording, error: str) -> None:
        self._waiting.pop(recording, None)
        self._pending_bytes -= recording.pending_bytes
        recording.pending, recording.pending_bytes = [], 0
        recording.is_over, recording.given_up = True, error

    def _tell(self, recording: Recording) -> None:
        if recording.given_up:
            LOG.error('Session %s: its recording in %s ([DEFAULT]record) is not complete: %s. The session itself goes '
                      'on.', recording.session_id, recording.path, recording.given_up)


def _work(jobs: list[_Job]) -> list[str]:
    """Write; runs where neither locks nor loggers may be touched. Return what went wrong with each, '' for nothing."""
    return [_work_on(job) for job in jobs]


def _work_on(job: _Job) -> str:
    file = job.recording.file
    try:
        if job.data:
            file.append(job.data)
        if job.is_last:
            file.finish()
    except OSError as error:
        with contextlib.suppress(OSError):
            file.finish()
        return error.strerror or str(error)
    return ''


class RecordedStream:
    """A Stream to a client, all of which is recorded."""

    def __init__(self, stream: Stream, recording: Recording) -> None:
        self._stream = stream
        self._recording = recording

    def read(self, max_bytes: int) -> bytes:
        data = self._stream.read(max_bytes)
        self._recording.from_client(data)
        return data

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._recording.to_client(data)

    def set_deadline(self, deadline: Deadline | None) -> None:
        self._stream.set_deadline(deadline)

    def close(self) -> None:
        self._stream.close()
