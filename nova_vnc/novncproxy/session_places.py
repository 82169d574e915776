# SPDX-License-Identifier: Apache-2.0
"""How many sessions there may be, in all and for each holder, and who gives way. Pure: no socket, no log."""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable, Hashable

# The end of a session whose page was loaded again takes milliseconds to be noticed.
_WAIT_S = 2.0

_PER_INSTANCE = 'max_sessions_per_instance'


@dataclasses.dataclass(frozen=True)
class SessionLimits:
    """The most sessions at a time: the options of these names in [novncproxy]; 0 is no limit."""

    max_sessions: int = 0
    max_sessions_per_address: int = 0
    max_sessions_per_instance: int = 0


class Full(Exception):
    """There may be no more sessions.

    :ivar limit: the option in [novncproxy]
    """

    def __init__(self, limit: str) -> None:
        super().__init__(f'[novncproxy]{limit} is reached')
        self.limit = limit


@dataclasses.dataclass(frozen=True, slots=True)
class Holder:
    """Whose a session is.

    :ivar source: address of the client, see pending.source_of()
    :ivar token: the token, or what stands for it
    """

    source: str
    instance_uuid: str
    token: Hashable = dataclasses.field(repr=False)


class SessionPlaces:
    """The places of the sessions that are open or being set up, by their ids. Thread-safe.

    At the limit of an instance the oldest session that was opened with the very link of the newcomer gives way: a
    browser that lost its network and comes back finds its own ghost there. It counts no more for its instance, but for
    all other limits until it has ended, as it keeps its descriptors until then.

    :param on_full: told the name of the limit that was reached, and who reached it: an address, or an instance
    :param wait_s: how long a newcomer with another link waits for a session of the instance to end
    """

    def __init__(self, limits: SessionLimits, on_full: Callable[[str, str], None], wait_s: float = _WAIT_S) -> None:
        self._limits = limits
        self._on_full = on_full
        self._ceiling = self._limits.max_sessions
        self._wait_s = wait_s
        self._changed = threading.Condition()
        self._holders: dict[str, Holder] = {}
        self._per_source: collections.Counter[str] = collections.Counter()
        self._of_instance: dict[str, dict[str, Holder]] = {}     # those that count, the oldest first

    def __len__(self) -> int:
        return len(self._holders)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._holders

    @property
    def max_sessions(self) -> int:
        """As asked for, whatever the descriptors are good for."""
        return self._limits.max_sessions

    def set_ceiling(self, sessions: int) -> None:
        """Have no more sessions than that in all, from now on."""
        self._ceiling = sessions

    def take(self, session_id: str, holder: Holder) -> str | None:
        """Take a place; return the id of the session that has to give way, if one has. May wait.

        :raises Full: there is none
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_crowded(holder) or self._oldest_alike(holder) is not None,
                                   self._wait_s)
            limit = self._find_full(holder)
            if not limit:
                victim = self._oldest_alike(holder) if self._is_crowded(holder) else None
                if victim is not None:
                    self._count_no_more(victim, holder.instance_uuid)
                self._add(session_id, holder)
                return victim
        self._on_full(limit, f'instance {holder.instance_uuid}' if limit == _PER_INSTANCE else holder.source)
        raise Full(limit)

    def give_back(self, session_id: str) -> None:
        """Harmless for one that has no place."""
        with self._changed:
            holder = self._holders.pop(session_id, None)
            if holder is None:
                return
            self._per_source[holder.source] -= 1
            if not self._per_source[holder.source]:
                del self._per_source[holder.source]
            self._count_no_more(session_id, holder.instance_uuid)
            self._changed.notify_all()

    def _add(self, session_id: str, holder: Holder) -> None:
        self._holders[session_id] = holder
        self._per_source[holder.source] += 1
        self._of_instance.setdefault(holder.instance_uuid, {})[session_id] = holder

    def _find_full(self, holder: Holder) -> str:
        """Return the name of a limit that stands against one more, '' if there is none."""
        if 0 < self._ceiling <= len(self._holders):
            return 'max_sessions'
        if 0 < self._limits.max_sessions_per_address <= self._per_source.get(holder.source, 0):
            return 'max_sessions_per_address'
        if self._is_crowded(holder) and self._oldest_alike(holder) is None:
            return _PER_INSTANCE
        return ''

    def _is_crowded(self, holder: Holder) -> bool:
        held = len(self._of_instance.get(holder.instance_uuid, ()))
        return 0 < self._limits.max_sessions_per_instance <= held

    def _oldest_alike(self, holder: Holder) -> str | None:
        held = self._of_instance.get(holder.instance_uuid, {})
        return next((session_id for session_id, other in held.items() if other.token == holder.token), None)

    def _count_no_more(self, session_id: str, instance_uuid: str) -> None:
        counting = self._of_instance.get(instance_uuid, {})
        counting.pop(session_id, None)
        if not counting:
            self._of_instance.pop(instance_uuid, None)
