# SPDX-License-Identifier: Apache-2.0
"""The relay engine: all sessions of a process, in one loop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from nova_vnc import concurrency, threads
from nova_vnc.net.transport import Transport
from nova_vnc.net.websocket import FrameParser
from nova_vnc.relay.buffer import SharedBuffer
from nova_vnc.relay.end import EndCause, RelayEnd
from nova_vnc.relay.lifetime import Limit
from nova_vnc.relay.loop import EventLoop, Poller
from nova_vnc.relay.notifier import EndNotifier
from nova_vnc.relay.relay import EndObserver, Filter, Relay, Timing
from nova_vnc.relay.side import ClientSide, Side
from nova_vnc.relay.splice import PipePool

# How long a native thread that computes may keep the interpreter from the relay, which wants it back after each wait,
# receive and send. p99 of a key press beside one such thread, on a crowded machine: 45 ms at Python's 5 ms, 21 at 0.5,
# 5.8 at 0.1, no less below that. Two threads that compute get as much done at 0.1 ms as at 5.
_SWITCH_INTERVAL_S = 0.0001


class EngineStopped(Exception):
    """The engine takes no more sessions."""


class Engine:
    """Moves the bytes of many sessions in one (green) thread, which never blocks and never logs.

    Any thread may call any method. len() gives the number of sessions. An engine belongs to the process that made it:
    a server that forks workers makes one in each of them.

    :param poller: see EventLoop
    """

    def __init__(self, timing: Timing | None = None, poller: Poller | None = None) -> None:
        self._timing = timing or Timing()
        self._loop = EventLoop(poller)
        self._buffer = SharedBuffer()
        self._pipes = PipePool()
        self._notifier = EndNotifier()
        self._relays: set[Relay] = set()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._relays)

    def start(self, on_failure: threads.Fail) -> None:
        """Start the threads; once.

        :param on_failure: called with one line if one of them ends for any other reason than stop(); the engine is of
            no use from then on
        """
        if not concurrency.is_patched():
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._notifier.start(on_failure)
        self._thread = threads.start('relay', self._run, on_failure)

    def stop(self) -> None:
        """End all sessions at once (Relay.close() ends one gently); return when their observers have been told."""
        self._loop.stop()
        if self._thread is not None:
            self._thread.join()
            self._notifier.stop()

    def add(self, client: Transport, target: Transport, *, parser: FrameParser, on_end: EndObserver,
            from_client: bytes = b'', from_target: bytes = b'', limit: Limit | None = None,
            client_filter: Filter | None = None, target_filter: Filter | None = None) -> Relay:
        """Take over two connections and relay between them.

        They are the engine's from here on, whatever happens: it alone uses and closes them.

        :param parser: of what the client sends, in the state in which it was left
        :param from_client: payload that it has given already, for the target
        :param from_target: bytes that the target has sent already, for the client
        :param limit: how long it may go on; None: for ever, which needs no timer
        :param client_filter: what comes from the client passes through it, in the loop; from_client goes on as it is
        :param target_filter: the same, of the target
        :param on_end: called exactly once, in a thread of the engine's that is not the loop; it may block for a short
            time, as it holds up no more than the reports of other ends
        :raises EngineStopped: both connections are closed then, and on_end is not called; as with all else that this
            may raise
        """
        with ExitStack() as on_error:
            on_error.callback(client.close)
            on_error.callback(target.close)
            relay = Relay(ClientSide(client, parser), Side(target), loop=self._loop, buffer=self._buffer,
                          pipes=self._pipes, timing=self._timing, observer=on_end, on_end=self._forget,
                          limit=limit, client_filter=client_filter, target_filter=target_filter)
            if not self._loop.call_soon(relay, partial(self._begin, relay, from_client, from_target)):
                raise EngineStopped
            on_error.pop_all()
        return relay

    def answer_in_loop(self, answer: Callable[[], None]) -> None:
        """Have something called in the loop, in its next round: a sign of life. After stop() it is not called."""
        self._loop.call_soon(_Nobody(), answer)

    def _run(self) -> None:
        try:
            self._loop.run()
        finally:
            for relay in tuple(self._relays):
                relay.abort(EndCause.CLOSED)
            self._loop.close()
            self._pipes.close()

    def _begin(self, relay: Relay, from_client: bytes, from_target: bytes) -> None:
        self._relays.add(relay)
        relay.start(from_client, from_target)

    def _forget(self, relay: Relay, end: RelayEnd, error: Exception | None) -> None:
        self._relays.discard(relay)
        self._notifier.notify(relay.observer, end, error)


class _Nobody:
    """The Watcher of a call that is no relay's."""

    def on_event(self, fd: int, events: int) -> None:
        pass

    def on_timer(self) -> None:
        pass

    def on_error(self, error: Exception) -> None:
        pass
