# SPDX-License-Identifier: Apache-2.0
"""One session: bytes from the client to the target, bytes from the target to the client, and how it ends.

Either direction reads only while the other side has taken all that was read before, so a side that does not read stops
the one that sends, and a session keeps at most one chunk for each side.

How a relay ends, whatever ends it:

- The target is read no more. If the client is the one that ended, what it has sent still goes to the target. Then the
  target is closed.
- The client gets what was read from the target before, and a close frame. It is closed when its own close frame has
  come (RFC 6455 section 7.1.1); until then what it sends is dropped. After a violation its frames have no meaning, so
  the connection is shut down and its end awaited, lest a reset overtakes the close frame.
- All this within close_timeout_s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nova_vnc.net.websocket import CloseCode, Opcode, build_close, build_frame, build_header
from nova_vnc.relay.end import EndCause, RelayEnd
from nova_vnc.relay.lifetime import Lifetime, Limit
from nova_vnc.relay.loop import BROKEN, HANGUP, READ, EventLoop
from nova_vnc.relay.side import ClientSide, Side
from nova_vnc.relay.splice import BULK_BYTES, PipePool
from nova_vnc.relay.timers import next_tick

if TYPE_CHECKING:
    from nova_vnc.relay.buffer import SharedBuffer

# Whatever is tried next tells what happened.
_GONE = HANGUP | BROKEN
# Pings go out together on ticks, so that a wake-up is for many sessions, and their answers come together too: 5,000
# sessions that do nothing cost 0.8 % of a core instead of 3.5 %.
_TICKS_IN_INTERVAL = 128
_CLIENT_CAUSES = (EndCause.CLIENT_CLOSED, EndCause.CLIENT_LOST, EndCause.CLIENT_PROTOCOL_ERROR)

EndObserver = Callable[[RelayEnd], None]
# Is given payload that the relay has just read, and returns what is passed on instead: the same, a part, something else
# or nothing (b''). To return what it was given costs nothing. It must not keep that, and not block; if it raises, the
# session ends.
Filter = Callable[[bytes | memoryview], bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of all relays of an engine, in seconds.

    :ivar ping_interval_s: between two WebSocket pings; None: there are none
    :ivar ping_timeout_s: silence after a ping that makes a client count as lost; looked at once in an interval
    :ivar close_timeout_s: from the first sign of the end to the end
    """

    ping_interval_s: float | None = 30.0
    ping_timeout_s: float = 60.0
    close_timeout_s: float = 5.0


class Relay:
    """Runs in its engine's loop; close() is for everyone.

    :ivar observer: who is to be told about the end
    """

    __slots__ = ('_buffer', '_bytes_from_client', '_bytes_from_target', '_cause', '_client', '_client_filter',
                 '_client_hung_up', '_close_code', '_close_reason', '_heard', '_is_bulk', '_lifetime', '_limit',
                 '_loop', '_on_end', '_pipes', '_reads_on', '_reported', '_silent_since', '_started_at', '_target',
                 '_target_filter', '_timing', 'observer')

    def __init__(self, client: ClientSide, target: Side, *, loop: EventLoop, buffer: SharedBuffer, pipes: PipePool,
                 timing: Timing, observer: EndObserver, on_end: Callable[[Relay, RelayEnd, Exception | None], None],
                 limit: Limit | None = None, client_filter: Filter | None = None,
                 target_filter: Filter | None = None) -> None:
        self._loop = loop
        self._buffer = buffer
        # None where they are of no use.
        self._pipes = pipes if target_filter is None and client.is_spliceable and target.is_spliceable else None
        self._is_bulk = False                      # the target's last chunk was large
        self._timing = timing
        self._on_end = on_end
        self.observer = observer
        self._client = client
        self._target = target
        self._bytes_from_client = 0
        self._bytes_from_target = 0
        self._cause: EndCause | None = None
        self._close_code: int = CloseCode.ABNORMAL
        self._close_reason = ''
        self._started_at = loop.clock()
        self._heard = False                        # since the last look at the client's pulse
        self._silent_since: float | None = None
        self._client_hung_up = False               # while it is not read
        self._reads_on = False                     # in the next round
        self._limit = limit
        self._client_filter = client_filter
        self._target_filter = target_filter
        self._lifetime: Lifetime | None = None
        self._reported = False

    # What others may call.

    def close(self, code: int, reason: str = '') -> None:
        """End the session with this close code (RFC 6455 section 7.4); thread-safe, and harmless after its end."""
        self._loop.call_soon(self, partial(self._end, EndCause.CLOSED, code, reason))

    # What the engine calls, in the loop.

    def start(self, from_client: bytes, from_target: bytes) -> None:
        """Begin with payload that was read before: from_client goes to the target, from_target to the client."""
        self._schedule_pulse()
        if self._limit is not None:
            self._lifetime = Lifetime(self._loop, self, self._limit)
        if from_target:
            self._bytes_from_target = len(from_target)
            self._client.send(build_header(len(from_target)) + from_target)
        if from_client:
            self._bytes_from_client = len(from_client)
            self._pass_to_target(from_client)
        self._answer_client()
        self._go_on_reading(self._client)

    def abort(self, cause: EndCause) -> None:
        """End at once; a close frame goes out if the client takes it without waiting."""
        if self._cause is None:
            self._note_end(cause, CloseCode.GOING_AWAY)
            self._client.close_frame = build_close(CloseCode.GOING_AWAY)
            self._client.flush()
        self._close_both()

    # What its lifetime calls, in the loop.

    def notify(self, text: str) -> None:
        """See lifetime.Limited."""
        self._client.notice = build_frame(Opcode.TEXT, text.encode())
        self._client.flush()
        self._settle()
        self._go_on_reading(self._target)

    def expire(self, code: int, reason: str) -> None:
        """See lifetime.Limited."""
        self._end(EndCause.TIME_UP, code, reason)

    # What the loop calls.

    # An event may be older than the state: an earlier event of the same batch can have blocked or closed a side. So
    # whether a side is read is decided here, not by what was asked for.

    def on_event(self, fd: int, events: int) -> None:
        client, target = self._client, self._target
        if events == READ and not client.unsent and not target.unsent:
            # Nearly always, as for each key press and its answer; the rest says the same in 1.4 µs more. With TLS a
            # side may wait for something else than READ just now: reading it finds nothing then.
            if fd == client.fd:
                self._read_client()
            elif self._cause is None:
                self._read_target()
        elif fd == client.fd:
            self._on_client_event(events)
        else:
            self._on_target_event(events)

    def _on_client_event(self, events: int) -> None:
        if self._client.unsent and events & (self._client.send_waits_for | _GONE):
            self._flush_client()
        if self._client.fd < 0:
            return
        if self._target.unsent:
            if events & _GONE:
                self._note_hangup()
        elif events & (self._client.receive_waits_for | _GONE):
            self._read_client()

    def _on_target_event(self, events: int) -> None:
        if self._target.unsent and events & (self._target.send_waits_for | _GONE):
            self._flush_target()
        if self._cause is None and not self._client.unsent and events & (self._target.receive_waits_for | _GONE):
            self._read_target()

    def on_timer(self) -> None:
        if self._cause is not None:
            self._close_both()
        elif self._client_hung_up and self._target.unsent:
            self._note_end(EndCause.CLIENT_LOST)
            self._close_both()
        elif self._timing.ping_interval_s is not None:
            self._check_pulse()

    def on_error(self, error: Exception) -> None:
        """A defect of ours costs this session and no other."""
        if self._cause is None:
            self._note_end(EndCause.INTERNAL_ERROR)
        self._close_both(error)

    # Client to target.

    def _read_client(self) -> None:
        parser = self._client.parser
        bytes_left = parser.bytes_left
        room = self._buffer.room_in_frame(bytes_left) if bytes_left else self._buffer.client_room
        size = self._client.receive_into(room)
        if size > 0:
            self._heard = True
            payload = parser.receive(room[:size])
            if payload:
                if self._cause is None:
                    self._bytes_from_client += len(payload)
                self._pass_to_target(payload if self._client_filter is None else self._client_filter(payload))
            if parser.ping is not None or parser.end is not None:
                self._answer_client()
            self._go_on_reading(self._client)
        elif size == 0:
            self._lose_client()
        else:
            self._update_watch()

    def _pass_to_target(self, payload: bytes | memoryview) -> None:
        if self._cause is None and payload:
            self._target.send(payload)
            if self._target.unsent:
                self._update_watch()

    def _flush_target(self) -> None:
        self._target.flush()
        if not self._target.unsent:
            self._settle()
            self._go_on_reading(self._client)

    def _note_hangup(self) -> None:
        # The client is gone but the target still has to take what it sent, and more may wait in the socket. It is
        # given a bounded time for that.
        self._client_hung_up = True
        if self._cause is None:
            self._schedule(self._timing.close_timeout_s)
        self._update_watch()

    # Target to client.

    def _read_target(self) -> None:
        size, spliced = 0, None
        if self._is_bulk and self._pipes is not None:
            size, spliced = self._target.receive_frame(self._pipes, self._client.free_to_send())
        if not size and not self._target.broken:
            size = self._target.receive_into(self._buffer.target_room)
        self._is_bulk = size >= BULK_BYTES
        if size > 0:
            self._bytes_from_target += size
            if spliced is not None:
                self._client.send_frame(spliced)
            elif self._target_filter is None:
                self._client.send(self._buffer.frame(size))
            else:
                self._pass_to_client(self._target_filter, size)
            if self._client.unsent:
                self._update_watch()
            self._go_on_reading(self._target)
        elif size == 0 and self._target.broken:
            self._end(EndCause.TARGET_LOST, CloseCode.INTERNAL_ERROR)
        elif size == 0:
            self._end(EndCause.TARGET_CLOSED, CloseCode.NORMAL)
        else:
            self._update_watch()

    def _pass_to_client(self, target_filter: Filter, size: int) -> None:
        received = self._buffer.target_room[:size]
        payload = target_filter(received)
        if payload is received:     # which is where its header has room: nothing is copied
            self._client.send(self._buffer.frame(size))
        elif payload:
            self._client.send(b''.join((build_header(len(payload)), payload)))

    def _flush_client(self) -> None:
        self._client.flush()
        if not self._client.unsent:
            self._settle()
            self._go_on_reading(self._target)

    # What a transport has received and not given yet: its descriptor does not tell of that. Other sessions come first.

    def _go_on_reading(self, side: Side) -> None:
        # One call at a time: each reads both sides, and calls that beget calls would leave no time to others.
        if side.receives_ahead and not self._reads_on and side.has_received():
            self._reads_on = self._loop.call_soon(self, self._read_what_is_received)

    def _read_what_is_received(self) -> None:
        self._reads_on = False
        if self._client.fd >= 0 and not self._target.unsent and self._client.has_received():
            self._read_client()
        if self._cause is None and not self._client.unsent and self._target.has_received():
            self._read_target()

    # The client's pulse.

    def _check_pulse(self) -> None:
        now, timing = self._loop.clock(), self._timing
        if self._heard or self._target.unsent:  # a client that is not read cannot be heard
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
        self._heard = False
        is_late = self._silent_since is not None and now - self._silent_since >= timing.ping_timeout_s
        if is_late and not self._client.is_holding_back(timing.ping_timeout_s):
            self._note_end(EndCause.PING_TIMEOUT)
            self._close_both()
            return
        self._schedule_pulse()
        # One ping in a frame's midst is impossible, and more of them behind what a client does not read are of no use.
        if not is_late and not self._client.unsent:
            self._client.ping_due = True
            self._client.flush()
            self._update_watch()

    def _schedule_pulse(self) -> None:
        interval_s = self._timing.ping_interval_s
        if interval_s is not None:
            self._loop.schedule(self, next_tick(self._loop.clock() + interval_s, interval_s / _TICKS_IN_INTERVAL))

    # The end.

    def _answer_client(self) -> None:
        parser = self._client.parser
        self._client.pong, parser.ping = parser.ping, None
        end = parser.end
        if end is not None and self._cause is None:
            cause = EndCause.CLIENT_PROTOCOL_ERROR if end.violation else EndCause.CLIENT_CLOSED
            self._end(cause, end.code, end.reason, end.answer())
        else:
            self._client.flush()
            self._settle()
            self._go_on_reading(self._target)

    def _lose_client(self) -> None:
        if self._cause is None:
            self._note_end(EndCause.CLIENT_LOST)
            self._schedule(self._timing.close_timeout_s)
        self._close_side(self._client)
        self._settle()

    def _end(self, cause: EndCause, code: int, reason: str = '', close_frame: bytes | None = None) -> None:
        if self._cause is not None:
            return
        self._note_end(cause, code, reason)
        self._schedule(self._timing.close_timeout_s)
        self._client.close_frame = close_frame or build_close(code, reason)
        self._client.flush()
        self._settle()
        self._go_on_reading(self._client)   # it may have been kept waiting for the target, which counts no more

    def _note_end(self, cause: EndCause, code: int = CloseCode.ABNORMAL, reason: str = '') -> None:
        self._cause, self._close_code, self._close_reason = cause, code, reason
        if self._lifetime is not None:
            self._lifetime.cancel()
            self._lifetime = None

    def _settle(self) -> None:
        """Do what the present state calls for: watch what is waited for; close what is done with."""
        if self._cause is not None:
            client, target = self._client, self._target
            if not (target.unsent and self._cause in _CLIENT_CAUSES):
                self._close_side(target)
            if client.has_said_goodbye():
                self._close_side(client)
            elif client.close_sent and not client.unsent and client.parser.end is not None:
                client.shut_down_writing()
        self._update_watch()
        self._report_if_over()

    def _close_both(self, error: Exception | None = None) -> None:
        self._close_side(self._client)
        self._close_side(self._target)
        self._report_if_over(error)

    def _close_side(self, side: Side) -> None:
        if side.fd >= 0:
            self._loop.watch(self, side.fd, 0)
            side.close()

    def _report_if_over(self, error: Exception | None = None) -> None:
        if self._cause is None or self._client.fd >= 0 or self._target.fd >= 0 or self._reported:
            return
        self._reported = True
        self._schedule(None)
        end = RelayEnd(self._cause, self._close_code, self._close_reason, self._bytes_from_client,
                       self._bytes_from_target, self._loop.clock() - self._started_at)
        self._on_end(self, end, error)

    def _schedule(self, delay_s: float | None) -> None:
        self._loop.schedule(self, None if delay_s is None else self._loop.clock() + delay_s)

    def _update_watch(self) -> None:
        client, target = self._client, self._target
        if client.fd >= 0:
            mask = client.send_waits_for if client.unsent else 0
            if not target.unsent:
                mask |= client.receive_waits_for
            elif not self._client_hung_up:
                mask |= HANGUP
            self._loop.watch(self, client.fd, mask)
        if target.fd >= 0:
            mask = target.send_waits_for if target.unsent else 0
            if not client.unsent and self._cause is None:
                mask |= target.receive_waits_for
            self._loop.watch(self, target.fd, mask)
