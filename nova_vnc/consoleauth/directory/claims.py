# SPDX-License-Identifier: Apache-2.0
"""Whose word counts when several hosts say that they have a VM.

A host that held a VM is one of its homes until it says itself that it does not have the VM any more. The homes of a VM
have an order, that in which they came to it. A newcomer is a host that says that it has the VM and is no home of it.

1. Of the hosts that run the VM, the most senior home holds it: no newcomer takes a VM from a home that runs it.
2. If no home runs it, a newcomer that does holds it and becomes its youngest home. So a VM moves with the report of its
   destination or source, whichever says so last. Once an older home runs it, that one holds it again.
3. If nobody runs it, its most senior home holds it.
4. A host that went silent does not count, so that a VM can be evacuated; but it stays a home, so that nobody gains by
   waiting for that. It is none any more once it has been silent so long that it counts as gone.
5. The operator can name the home. Other hosts' present claims then do not count until they have been given up.

Where newcomers come together, those count first that name the owner known, then the one that came last: whom others
wait for has just arrived, whom nobody waits for has been there long.

Without these rules one compute host in wrong hands could draw the consoles of any VM of the cloud to itself. What they
cannot tell is who lies when two hosts speak of a VM that no home runs; the first one stays, and the other is refused
and logged.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

# Nova's words for a VM with a hypervisor process, whether or not its processors run: what it shows and holds in memory
# is worth as much while it is paused. A guest that arrives by live migration is paused until its source lets it go.
RUNNING = frozenset({'active', 'paused', 'suspended'})


@dataclasses.dataclass(frozen=True)
class Claim:
    """A host's word that it has a VM."""

    host: str
    is_running: bool
    is_live: bool = True            # the host still reports
    seniority: int | None = None    # among the homes, from the smallest on; None: a newcomer
    is_barred: bool = False         # by the operator
    is_gone: bool = False           # not live for so long that nobody waits for the host
    owner_fits: bool = True         # it names the owner that is known
    claimed_at: float = 0.0         # when its host began to name the VM


@dataclasses.dataclass(frozen=True)
class Verdict:
    holder: str | None = None       # None: no host has the VM
    homes: Mapping[str, int] = dataclasses.field(default_factory=dict)  # with their seniority
    barred: frozenset[str] = frozenset()
    refused: tuple[str, ...] = ()   # live hosts whose claims do not count

    @property
    def home(self) -> str | None:
        """The most senior home, or who stands in for one: its word on owner and name counts."""
        return min(self.homes, key=lambda host: self.homes[host], default=self.holder)


def settle(claims: Iterable[Claim]) -> Verdict:
    """Decide who holds a VM.

    :param claims: one of each host that has it
    """
    known = sorted(claims, key=lambda claim: claim.host)
    counted = [claim for claim in known if not claim.is_barred] or known
    chosen = _choose(counted)
    if chosen is None:
        return Verdict()
    homes = _homes(chosen, counted)
    barred = frozenset(claim.host for claim in known if claim.is_barred) if len(counted) < len(known) else frozenset()
    refused = tuple(claim.host for claim in known if claim.is_live and claim.host not in homes)
    return Verdict(chosen.host, homes, barred, refused)


def _choose(claims: Iterable[Claim]) -> Claim | None:
    live = [claim for claim in claims if claim.is_live]
    homes = [claim for claim in claims if claim.seniority is not None]
    for candidates in (
            [claim for claim in live if claim.is_running],
            [claim for claim in homes if claim.is_live],
            # What is left of the VM on a host that it once was on does not take the place of one that is only silent.
            [claim for claim in homes if claim.is_running and not claim.is_gone],
            live,
            claims):
        if candidates:
            return min(candidates, key=_order)
    return None


def _order(claim: Claim) -> tuple[float, bool, float, str]:
    # The name decides between equals, so that it does not depend on who asks.
    return (math.inf if claim.seniority is None else claim.seniority, not claim.owner_fits, -claim.claimed_at,
            claim.host)


def _homes(chosen: Claim, claims: Iterable[Claim]) -> dict[str, int]:
    homes = {claim.host: claim.seniority for claim in claims if claim.seniority is not None}
    if not chosen.is_live:
        return homes
    own = homes.setdefault(chosen.host, max(homes.values(), default=0) + 1)
    if not chosen.is_running:
        return homes
    # It runs at home: those that came while it did not are newcomers again.
    gone = {claim.host for claim in claims if claim.is_gone}
    return {host: seniority for host, seniority in homes.items()
            if seniority <= own and (host == chosen.host or host not in gone)}
