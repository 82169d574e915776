# SPDX-License-Identifier: Apache-2.0
"""A worker as its parent sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from nova_vnc.workers import channel
from nova_vnc.workers.channel import Inheritance, Order

# A worker that has closed its end of the channel is at its end.
_END_TIMEOUT_S = 10.0
# The imports alone take a second, on a machine that does nothing else.
_START_TIMEOUT_S = 120.0


class WorkerProcess:
    """A process that runs the same command line as this one, started with the object.

    What changes is changed by take() and wait(), in the thread that reads messages().

    :param number: from 1; a worker's successor has the same
    :param watchdog_s: seconds without a sign of life after which it counts as hung
    :param is_mute: it has no standard output

    :ivar is_ready: it accepts connections
    :ivar is_leaving: it accepts none any more
    :ivar is_retired: because it has been replaced
    :ivar refusal: why it cannot start, if it has said so
    :ivar sessions: how many it had when it last told
    """

    def __init__(self, number: int, listener: socket.socket, watchdog_s: float, is_mute: bool = False) -> None:
        self.number = number
        self.is_ready = self.is_leaving = self.is_retired = False
        self.refusal = ''
        self.sessions = 0
        self._watchdog_s = watchdog_s
        self._started = self._last_sign = time.monotonic()
        stream = subprocess.DEVNULL if is_mute else None
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            inheritance = Inheritance(number, listener.fileno(), theirs.fileno(), watchdog_s)
            # The interpreter's own options too: a script may begin with "#!/usr/bin/python3 -I".
            self._popen = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, *sys.orig_argv[1:]], stdin=stream, stdout=stream, stderr=stream,
                pass_fds=(inheritance.listener, inheritance.channel),
                env={**os.environ, channel.VARIABLE: inheritance.serialize()})

    def __str__(self) -> str:
        return f'Worker {self.number} (pid {self.pid})'

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def status(self) -> int | None:
        """As that of subprocess: None while it runs, negative where a signal has ended it."""
        return self._popen.returncode

    @property
    def end(self) -> str:
        """How it has ended, in words."""
        status = self._popen.returncode
        if status is not None and status < 0:
            return f'was ended by {signal.Signals(-status).name}'
        return f'ended with status {status}'

    def lived_s(self) -> float:
        return time.monotonic() - self._started

    def messages(self) -> Iterator[str]:
        """Wait for what it says, until it closes the channel."""
        with contextlib.suppress(ConnectionError):
            while data := self._channel.recv(channel.MAX_MESSAGE_BYTES):
                yield data.decode(errors='replace')

    def take(self, message: str) -> None:
        """Take note of what it has said."""
        self.show_patience()
        if message == channel.READY:
            self.is_ready = True
        elif message == channel.STOPPING:
            self.is_leaving = True
        elif message.startswith(channel.SESSIONS):
            count = message.removeprefix(channel.SESSIONS).split()[0]
            self.sessions = int(count) if count.isdecimal() else self.sessions
        elif message.startswith(channel.REFUSAL):
            self.refusal = message.removeprefix(channel.REFUSAL)

    def wait(self) -> None:
        """Wait for its end, of which the end of the channel has told."""
        try:
            self._popen.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._popen.wait()
        self._channel.close()

    def order(self, order: Order) -> None:
        self.is_retired |= order is Order.RETIRE
        with contextlib.suppress(OSError):  # it has ended
            self._channel.send(order.value)

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)     # does nothing once it has ended

    def kill(self) -> None:
        self._popen.kill()

    def silent_s(self) -> float | None:
        """Return for how many seconds it has given no sign of life, if that is too long."""
        silent_s = time.monotonic() - self._last_sign
        return silent_s if silent_s > (self._watchdog_s if self.is_ready else _START_TIMEOUT_S) else None

    def show_patience(self) -> None:
        """Begin to count anew."""
        self._last_sign = time.monotonic()
