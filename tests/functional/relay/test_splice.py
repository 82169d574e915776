# SPDX-License-Identifier: Apache-2.0
"""Bulk from target to client through pipes: every byte arrives whatever ends or is missing, and no pipe is lost."""

import errno
import fcntl
import os
import random
import resource
import socket
import struct
import termios
import threading
import time
import traceback
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import CloseCode, Opcode
from nova_vnc.relay.end import EndCause
from nova_vnc.relay.splice import BULK_BYTES, PIPE_BYTES, PipePool
from tests.fixtures.polling import wait_until
from tests.functional.relay.session import Session

BULK = random.Random(4).randbytes(6_000_000)
# What can be in a pipe when its client stops reading, which the tests bring about.
STUCK_BYTES = 100_000
# One that nobody else is.
NOBODY_UID = 64321


@pytest.fixture
def spliced(monkeypatch):
    """Return a list to which what each splice from a target returns is added."""
    sizes = []
    receive = PlainTransport.receive_into_pipe

    def note(self, fd, max_bytes):
        sizes.append(receive(self, fd, max_bytes))
        return sizes[-1]

    monkeypatch.setattr(PlainTransport, 'receive_into_pipe', note)
    return sizes


@pytest.fixture
def engine(start_engine):
    return start_engine(close_timeout_s=2.0)


class Stuck:
    """A session whose client has stopped to read in a frame whose payload is in a pipe, while the target sends BULK.

    :ivar read: what the client has read until now
    """

    def __init__(self, engine, session: Session) -> None:
        self.engine = engine
        self.session = session
        self.read = bytearray()
        self.pipes = len(engine._pipes)
        session.browser.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STUCK_BYTES)
        self._sender = threading.Thread(target=self._send)
        self._sender.start()
        while len(engine._pipes) == self.pipes:
            self.read += session.browser.sock.recv(20_000)
            self.wait_for_relay()

    def read_on(self) -> None:
        while piece := self.session.browser.sock.recv(1 << 16):
            self.read += piece

    def has_read(self, size: int) -> bool:
        return len(self.read) >= size

    def stop_sending(self) -> None:
        with suppress(OSError):
            self.session.target.shutdown(socket.SHUT_RDWR)
        self._sender.join()

    def check_pipes_are_back(self) -> None:
        wait_until(lambda: len(self.engine._pipes) == self.pipes, 10, 'all pipes')
        for pipe in self.engine._pipes._free:
            assert fcntl.ioctl(pipe.read_fd, termios.FIONREAD, bytes(4)) == bytes(4)

    def wait_for_relay(self) -> None:
        done = threading.Event()
        self.engine.answer_in_loop(done.set)
        done.wait(10)
        time.sleep(0.001)

    def _send(self) -> None:
        with suppress(OSError):
            while True:
                self.session.target.sendall(BULK)


@pytest.fixture
def misjudged(monkeypatch):
    """Have every client's socket look as if it had room for more than it has."""
    monkeypatch.setattr(PlainTransport, 'free_to_send', lambda self: STUCK_BYTES)


@pytest.fixture
def stuck(misjudged, engine, open_session):
    stuck = Stuck(engine, open_session(engine))
    yield stuck
    stuck.stop_sending()


def payload_of(frames: bytes) -> tuple[bytes, bytes]:
    """Return the payload of the binary frames, which have to be whole, and what is behind them."""
    pieces, at = [], 0
    while at < len(frames) and frames[at] == 0x80 | Opcode.BINARY:
        length, at = frames[at + 1], at + 2
        if length > 125:
            size = 2 if length == 126 else 8
            length, at = int.from_bytes(frames[at:at + size], 'big'), at + size
        assert len(frames) >= at + length
        pieces.append(frames[at:at + length])
        at += length
    return b''.join(pieces), bytes(frames[at:])


def is_bulk(data: bytes) -> bool:
    """Tell whether that is the beginning of BULK, again and again."""
    return data == (BULK * (len(data) // len(BULK) + 1))[:len(data)]


def count_fds() -> int:
    return len(os.listdir('/proc/self/fd'))


def transfer(session: Session, data: bytes) -> bytes:
    sender = threading.Thread(target=session.target.sendall, args=(data,))
    sender.start()
    received = session.browser.receive(len(data))
    sender.join()
    return received


def test_bulk_goes_through_pipes_and_a_key_press_does_not(open_session, spliced):
    session = open_session()
    for _ in range(5):
        session.check_works()
    assert not spliced
    assert transfer(session, BULK) == BULK
    assert max(spliced) > BULK_BYTES
    session.check_works()
    tries = len(spliced)
    session.check_works()
    assert len(spliced) == tries


def test_descriptors_do_not_grow(engine, open_session):
    session = open_session(engine)
    before = count_fds()
    assert transfer(session, BULK) == BULK
    assert count_fds() == before


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from([1, 125, 4096, 65_535, 65_536, 100_000, 300_000, PIPE_BYTES]), max_size=12),
       small=st.booleans(), may_stick=st.booleans(), seed=st.integers(0, 1 << 30))
def test_every_byte_arrives_whatever_the_sizes_and_the_pauses(engine, pieces, small, may_stick, seed):
    with pytest.MonkeyPatch.context() as patch:
        if may_stick:
            patch.setattr(PlainTransport, 'free_to_send', lambda self: STUCK_BYTES)
        session = Session(engine, small_buffers=small, small_target=False)
        check_all_arrives(session, pieces, random.Random(seed))
        session.close()


def check_all_arrives(session: Session, pieces: list[int], source: random.Random) -> None:
    sent = [source.randbytes(size) for size in pieces]
    pauses = random.Random(source.random())

    def send():
        for piece in sent:
            session.target.sendall(piece)
            time.sleep(source.choice((0, 0, 0.002)))
        session.target.close()

    sender = threading.Thread(target=send)
    sender.start()
    received = bytearray()
    goodbye = struct.pack('!BBH', 0x80 | Opcode.CLOSE, 2, CloseCode.NORMAL)
    while not received.endswith(goodbye):
        received += session.browser.sock.recv(pauses.choice((100_000, 100_000, 300_000, 5_000, 100)))
        time.sleep(pauses.choice((0, 0, 0, 0.001)))
    sender.join()
    assert payload_of(received) == (b''.join(sent), goodbye)
    session.browser.send_close(CloseCode.NORMAL)
    assert session.end().bytes_from_target == sum(pieces)


def test_a_client_that_reads_on_gets_what_is_in_the_pipe(stuck):
    reader = threading.Thread(target=stuck.read_on)
    reader.start()
    wait_until(lambda: stuck.has_read(STUCK_BYTES), 10, 'more')
    stuck.stop_sending()
    stuck.session.browser.send_close(CloseCode.NORMAL)
    stuck.session.end()
    reader.join()
    payload, _ = payload_of(stuck.read)
    assert len(payload) > STUCK_BYTES
    assert is_bulk(payload)
    stuck.check_pipes_are_back()


def test_the_session_is_closed_meanwhile(stuck):
    stuck.session.relay.close(CloseCode.GOING_AWAY, 'bye')
    stuck.wait_for_relay()
    reader = threading.Thread(target=stuck.read_on)
    reader.start()
    stuck.session.browser.send_close(CloseCode.GOING_AWAY)
    end = stuck.session.end()
    reader.join()
    payload, goodbye = payload_of(stuck.read)
    assert is_bulk(payload)
    assert goodbye.endswith(b'bye')
    assert (end.cause, end.bytes_from_target) == (EndCause.CLOSED, len(payload))
    stuck.check_pipes_are_back()


def test_the_session_is_closed_and_the_client_never_reads(stuck):
    stuck.session.relay.close(CloseCode.GOING_AWAY, 'bye')
    assert stuck.session.end().cause is EndCause.CLOSED
    stuck.check_pipes_are_back()


def test_the_client_is_gone(stuck):
    sock = stuck.session.browser.sock
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()
    assert stuck.session.end().cause is EndCause.CLIENT_LOST
    stuck.check_pipes_are_back()


def test_the_client_says_goodbye_without_reading(stuck):
    stuck.session.browser.send_close(CloseCode.NORMAL)
    assert stuck.session.end().cause is EndCause.CLIENT_CLOSED
    stuck.check_pipes_are_back()


def test_the_target_breaks(stuck):
    target = stuck.session.target
    target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    stuck.stop_sending()
    target.close()
    reader = threading.Thread(target=stuck.read_on)
    reader.start()
    stuck.session.browser.send_close(CloseCode.NORMAL)
    stuck.session.end()
    reader.join()
    assert is_bulk(payload_of(stuck.read)[0])
    stuck.check_pipes_are_back()


def test_the_engine_stops(stuck):
    stuck.engine.stop()
    assert stuck.session.end().cause is EndCause.CLOSED
    assert not len(stuck.engine._pipes)


def test_no_pipe_is_free(engine, open_session, spliced):
    taken, engine._pipes._free = engine._pipes._free, []
    assert transfer(open_session(engine), BULK) == BULK
    assert not spliced
    engine._pipes._free = taken


def test_sessions_that_do_not_read_take_all_pipes_and_others_go_on(misjudged, engine, open_session):
    spare, engine._pipes._free = engine._pipes._free[1:], engine._pipes._free[:1]
    stuck = Stuck(engine, open_session(engine))
    assert transfer(open_session(engine), BULK) == BULK
    stuck.stop_sending()
    stuck.session.browser.sock.close()
    stuck.check_pipes_are_back()
    engine._pipes._free += spare


def test_a_filter_sees_everything(open_session, spliced):
    seen = []

    def watch(payload):
        seen.append(bytes(payload))
        return payload

    assert transfer(open_session(target_filter=watch), BULK) == BULK
    assert b''.join(seen) == BULK
    assert not spliced


@pytest.mark.parametrize('code', [errno.ENOSYS, errno.EPERM, errno.EINVAL])
def test_a_sandbox_without_splice(engine, open_session, monkeypatch, code):
    tries = []

    def refuse(self, fd, max_bytes):
        tries.append(fd)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(PlainTransport, 'receive_into_pipe', refuse)
    assert transfer(open_session(engine), BULK) == BULK
    assert len(tries) == 1
    assert not len(engine._pipes)


def test_no_descriptors_for_pipes():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = count_fds()
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 5, limits[1]))     # not all below need be in use
    try:
        pool = PipePool(1000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(pool) <= 2
    pool.close()
    assert count_fds() == before


def test_no_pages_for_pipes_of_an_unprivileged_user():
    child = os.fork()
    if not child:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY_UID, NOBODY_UID, NOBODY_UID)
                os.setresuid(NOBODY_UID, NOBODY_UID, NOBODY_UID)
            enough = PipePool()
            assert len(enough)
            _use_up_pages()
            before = count_fds()
            assert not len(PipePool())
            assert count_fds() == before
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def _use_up_pages() -> None:
    size = 1 << 20
    while size >= PIPE_BYTES:
        read_fd, write_fd = os.pipe()
        try:
            fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, size)
        except PermissionError:
            os.close(read_fd)
            os.close(write_fd)
            size //= 2
