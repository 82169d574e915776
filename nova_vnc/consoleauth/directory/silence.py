# SPDX-License-Identifier: Apache-2.0
"""Since when a compute host has not reported, and what follows from that."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Silence:
    """Tells hosts that report from those that do not. All times are unix seconds.

    :param stale_after_s: a host that has reported nothing for so long counts as silent
    :param unknown_after_s: and after so long as gone; 0: never
    :param listening_since: nobody could report while no nova-consoleauth ran, so no host is silent on that account
    """

    stale_after_s: float
    unknown_after_s: float = 0
    listening_since: float = 0

    def is_stale(self, last_report_at: float, now: float) -> bool:
        return self._lasts(last_report_at, now) > self.stale_after_s

    def is_gone(self, last_report_at: float, now: float) -> bool:
        lasts = self._lasts(last_report_at, now)
        return 0 < self.unknown_after_s < lasts and lasts > self.stale_after_s

    def _lasts(self, last_report_at: float, now: float) -> float:
        return now - max(last_report_at, self.listening_since)
