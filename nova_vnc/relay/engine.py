# SPDX-License-Identifier: Apache-2.0
"""The relay engine: all sessions of a process, in one loop."""

from __future__ import annotations

import socket
import threading
from functools import partial

from nova_vnc.net.websocket import FrameParser
from nova_vnc.relay.buffer import SharedBuffer
from nova_vnc.relay.end import EndCause, RelayEnd
from nova_vnc.relay.loop import EventLoop
from nova_vnc.relay.notifier import EndNotifier
from nova_vnc.relay.relay import EndObserver, Relay, Timing


class EngineStopped(Exception):
    """The engine takes no more sessions."""


class Engine:
    """Moves the bytes of many sessions in one (green) thread, which never blocks and never logs.

    Any thread may call any method. len() gives the number of sessions. An engine belongs to the process that made it:
    a server that forks workers makes one in each of them.
    """

    def __init__(self, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._loop = EventLoop()
        self._buffer = SharedBuffer()
        self._notifier = EndNotifier()
        self._relays: set[Relay] = set()
        self._thread = threading.Thread(target=self._run, name='relay', daemon=True)

    def __len__(self) -> int:
        return len(self._relays)

    def start(self) -> None:
        """Start the threads; once."""
        self._notifier.start()
        self._thread.start()

    def stop(self) -> None:
        """End all sessions at once (Relay.close() ends one gently); return when their observers have been told."""
        self._loop.stop()
        if self._thread.ident is not None:
            self._thread.join()
            self._notifier.stop()

    def add(self, client_sock: socket.socket, target_sock: socket.socket, *, parser: FrameParser, on_end: EndObserver,
            from_client: bytes = b'', from_target: bytes = b'') -> Relay:
        """Take over two connections and relay between them.

        The socket objects are dead from here on: the engine alone uses and closes what they stood for.

        :param parser: of what the client sends, in the state in which it was left
        :param from_client: payload that it has given already, for the target
        :param from_target: bytes that the target has sent already, for the client
        :param on_end: called exactly once, in a thread of the engine's that is not the loop; it may block for a short
            time, as it holds up no more than the reports of other ends
        :raises EngineStopped: both connections are closed then, and on_end is not called
        """
        relay = Relay(client_sock, target_sock, parser, loop=self._loop, buffer=self._buffer, timing=self._timing,
                      observer=on_end, on_end=self._forget)
        if not self._loop.call_soon(relay, partial(self._begin, relay, from_client, from_target)):
            relay.discard()
            raise EngineStopped
        return relay

    def _run(self) -> None:
        try:
            self._loop.run()
        finally:
            for relay in tuple(self._relays):
                relay.abort(EndCause.CLOSED)
            self._loop.close()

    def _begin(self, relay: Relay, from_client: bytes, from_target: bytes) -> None:
        self._relays.add(relay)
        relay.start(from_client, from_target)

    def _forget(self, relay: Relay, end: RelayEnd, error: Exception | None) -> None:
        self._relays.discard(relay)
        self._notifier.notify(relay.observer, end, error)
