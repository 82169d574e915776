# SPDX-License-Identifier: Apache-2.0
"""For how long a compute host has not reported, and what follows from that."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Silence:
    """Tells hosts that report from those that do not. All times are unix seconds.

    :param stale_after_s: a host that has reported nothing for so long counts as silent
    :param unknown_after_s: and after so long as gone; 0: never
    """

    stale_after_s: float
    unknown_after_s: float = 0

    def is_stale(self, silent_since: float, now: float) -> bool:
        return now - silent_since > self.stale_after_s

    def is_gone(self, silent_since: float, now: float) -> bool:
        return self.unknown_after_s > 0 and now - silent_since > max(self.unknown_after_s, self.stale_after_s)

    def is_nobodys(self, heard_at: float, now: float) -> bool:
        """Tell whether nobody at all has been heard for so long that it is no fault of a host's.

        So it is where the last one was heard in the future: our own clock was set back.
        """
        return abs(now - heard_at) > self.stale_after_s
