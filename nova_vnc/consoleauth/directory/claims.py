# SPDX-License-Identifier: Apache-2.0
"""Whose word counts when several hosts say that they have a VM.

A VM that a live host holds changes hands only when that host

* releases it (its report does not name it any more),
* goes stale (it does not report any more), or
* no longer has it running while the newcomer has.

Any other claim is refused. Without this rule one compute host in wrong hands could draw the consoles of any VM of the
cloud to itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

# Nova's words for a VM with a hypervisor process, whether or not its processors run: what it shows and holds in memory
# is worth as much while it is paused. A guest that arrives by live migration is paused until its source lets it go.
RUNNING = frozenset({'active', 'paused', 'suspended'})


@dataclasses.dataclass(frozen=True)
class Claim:
    """A host's word that it has a VM."""

    host: str
    is_running: bool
    is_live: bool       # the host still reports


@dataclasses.dataclass(frozen=True)
class Verdict:
    holder: str | None              # None: no host has the VM
    refused: tuple[str, ...] = ()   # live hosts whose claims do not count


def settle(holder: str | None, claims: Iterable[Claim]) -> Verdict:
    """Decide who holds a VM.

    :param holder: who held it so far
    :param claims: one of each host that has it, the holder's included unless it released it
    """
    by_host = {claim.host: claim for claim in claims}
    chosen = _choose(by_host.get(holder) if holder is not None else None, by_host.values())
    if chosen is None:
        return Verdict(None)
    refused = sorted(claim.host for claim in by_host.values() if claim.is_live and claim is not chosen)
    return Verdict(chosen.host, tuple(refused))


def _choose(current: Claim | None, claims: Iterable[Claim]) -> Claim | None:
    others = [claim for claim in claims if claim is not current]
    if current is None:
        candidates = others
    elif not current.is_live:
        candidates = [claim for claim in others if claim.is_live]
    elif not current.is_running:
        candidates = [claim for claim in others if claim.is_live and claim.is_running]
    else:
        candidates = []
    # The name decides between equals, so that it does not depend on who asks.
    best = min(candidates, key=lambda claim: (not claim.is_live, not claim.is_running, claim.host), default=None)
    return best or current
