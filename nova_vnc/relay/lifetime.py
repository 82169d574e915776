# SPDX-License-Identifier: Apache-2.0
"""The end of a relay whose time is limited, and the warning before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nova_vnc.relay.loop import EventLoop


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a relay may go on. Times are in seconds from its start.

    :ivar end_after_s: when it ends
    :ivar close_code: that the client is sent then, with the reason
    :ivar warning: text message for the client; None: it is sent none
    :ivar warn_after_s: when that is sent
    """

    end_after_s: float
    close_code: int
    reason: str
    warning: str | None = None
    warn_after_s: float = 0.0


class Limited(Protocol):
    """What has a lifetime."""

    def notify(self, text: str) -> None:
        """Send the client a text message, once what it is being sent is out."""

    def expire(self, code: int, reason: str) -> None:
        """End, as the time is up."""

    def on_error(self, error: Exception) -> None:
        """See loop.Watcher."""


class Lifetime:
    """The timer of one relay's limit, a loop.Watcher. Starts at once."""

    __slots__ = ('_end_at', '_limit', '_limited', '_loop', '_warned')

    def __init__(self, loop: EventLoop, limited: Limited, limit: Limit) -> None:
        self._loop = loop
        self._limited = limited
        self._limit = limit
        self._warned = limit.warning is None
        now = loop.clock()
        self._end_at = now + limit.end_after_s
        loop.schedule(self, self._end_at if self._warned else now + limit.warn_after_s)

    def cancel(self) -> None:
        self._loop.schedule(self, None)

    def on_event(self, fd: int, events: int) -> None:
        """It watches no descriptor."""

    def on_timer(self) -> None:
        if not self._warned and self._limit.warning is not None:
            self._warned = True
            self._loop.schedule(self, self._end_at)
            self._limited.notify(self._limit.warning)
        else:
            self._limited.expire(self._limit.close_code, self._limit.reason)

    def on_error(self, error: Exception) -> None:
        self._limited.on_error(error)
