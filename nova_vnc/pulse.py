# SPDX-License-Identifier: Apache-2.0
"""Is everything alive that could hang? Each loop of a process is asked for a sign of life, and gives it when it can.

Pure: no clock, no thread. systemd.Watchdog looks in regular intervals; what the service manager is told is its affair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

# Given by whoever is asked, in its own loop and as soon as it gets there; any thread may call it, also twice.
Answer = Callable[[], None]


@dataclasses.dataclass(frozen=True)
class Pulse:
    """Something that can hang.

    :ivar name: how the log calls it
    :ivar ask: has `answer` called soon by the one that is asked; returns at once, and raises nothing
    """

    name: str
    ask: Callable[[Answer], None]


class Watch:
    """Asks all pulses, each only once it has answered the last time: a loop that hangs finds no pile of questions."""

    def __init__(self, pulses: Sequence[Pulse]) -> None:
        self._asked = [_Asked(pulse) for pulse in pulses]

    @property
    def names(self) -> list[str]:
        return [asked.name for asked in self._asked]

    def look(self) -> list[str]:
        """Return the names of those that have not answered since the last look, and ask the others again."""
        silent = [asked.name for asked in self._asked if not asked.has_answered]
        for asked in self._asked:
            if asked.has_answered:
                asked.ask()
        return silent


class _Asked:

    def __init__(self, pulse: Pulse) -> None:
        self.name = pulse.name
        self._pulse = pulse
        self.has_answered = True

    def ask(self) -> None:
        self.has_answered = False
        self._pulse.ask(self._answer)

    def _answer(self) -> None:
        self.has_answered = True
