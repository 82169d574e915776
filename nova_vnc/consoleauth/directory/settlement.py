# SPDX-License-Identifier: Apache-2.0
"""Settles in the database who holds which VM and whose it is, by the rules of claims."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from nova_vnc import objects
from nova_vnc.consoleauth.directory import claims
from nova_vnc.consoleauth.directory.silence import Silence
from nova_vnc.db import instances


@dataclasses.dataclass(frozen=True)
class Change:
    """What is new, or wrong, about a VM."""

    uuid: str
    old: str | None             # who held it
    verdict: claims.Verdict
    known_project_id: str | None = None
    disputed_project_id: str | None = None      # what the holder says instead, to no avail


def settle(connection: Any, uuids: Sequence[str], silence: Silence, now: float) -> list[Change]:
    """Settle VMs of which a host has said something, or that it has let go. Call it with all of them.

    Nothing changes about a VM that its holder names as before, with the owner that is known: what others say is
    settled when they say it. Of one that another host holds, a report that says what the last one said may change the
    verdict, as when the host had been silent.
    """
    if not uuids:
        return []
    ordered = sorted(set(uuids))
    holders = instances.lock_holders(connection, ordered)
    homes = instances.homes(connection, ordered)
    words: dict[str, list[instances.Claim]] = collections.defaultdict(list)
    for word in instances.claims(connection, ordered):
        words[word.uuid].append(word)
    changes: list[Change] = []
    new: list[instances.Holder] = []
    changed: list[instances.Holder] = []
    new_homes: dict[str, dict[str, int | None]] = {}
    for uuid in ordered:
        old, known_homes = holders.get(uuid), homes.get(uuid, {})
        verdict = claims.settle(_claim(word, known_homes, old, silence, now) for word in words[uuid])
        holder = _learn(uuid, old, verdict, words[uuid])
        if holder is not None and holder != old:
            (new if old is None else changed).append(holder)
        new_homes[uuid] = {**verdict.homes, **dict.fromkeys(verdict.barred)}
        changes.append(_change(uuid, old, holder, verdict, words[uuid]))
    instances.save_homes(connection, homes, new_homes)
    instances.save_holders(connection, new, changed, now)
    return [change for change in changes if _is_worth_a_word(change)]


def bar_all_but(connection: Any, uuid: str, host: str) -> Sequence[str]:
    """Make a host the only home of a VM, of those that claim it now; return these. The holder is locked already.

    Nothing is done if the host is not among them.
    """
    claimants = sorted(word.host for word in instances.claims(connection, [uuid]))
    if host in claimants:
        instances.save_homes(connection, instances.homes(connection, [uuid]),
                             {uuid: {claimant: 1 if claimant == host else None for claimant in claimants}})
    return claimants


def _claim(word: instances.Claim, homes: dict[str, int | None], known: instances.Holder | None, silence: Silence,
           now: float) -> claims.Claim:
    seniority = homes.get(word.host)
    return claims.Claim(
        word.host, word.vm_state in claims.RUNNING, not silence.is_stale(word.silent_since, now), seniority,
        is_barred=word.host in homes and seniority is None, is_gone=silence.is_gone(word.silent_since, now),
        owner_fits=known is None or word.project_id == known.known_project_id, claimed_at=word.claimed_at)


def _learn(uuid: str, old: instances.Holder | None, verdict: claims.Verdict,
           words: Iterable[instances.Claim]) -> instances.Holder | None:
    """Return what is known of a VM after a verdict.

    Project and user stay what its first home said, also that there are none. The name is what the most senior home
    calls it: renaming a server of Nova's reaches the domain by and by. A host to which the hypervisor does not describe
    a VM tells neither.
    """
    home = next((word for word in words if word.host == verdict.home), None)
    if home is None:
        return old and dataclasses.replace(old, host=verdict.holder)
    if home.vm_state == objects.VM_STATE_UNKNOWN:
        return dataclasses.replace(old or instances.Holder(uuid, None, None, None, None), host=verdict.holder)
    if old is None or old.display_name is None:
        return instances.Holder(uuid, verdict.holder, home.project_id, home.user_id, home.display_name)
    return dataclasses.replace(old, host=verdict.holder, display_name=home.display_name)


def _change(uuid: str, old: instances.Holder | None, new: instances.Holder | None, verdict: claims.Verdict,
            words: Iterable[instances.Claim]) -> Change:
    known = new.known_project_id if new else None
    said = next((word.project_id for word in words if word.host == verdict.holder), None)
    return Change(uuid, old.host if old else None, verdict, known, said if said != known else None)


def _is_worth_a_word(change: Change) -> bool:
    return change.old != change.verdict.holder or bool(change.verdict.refused) \
        or change.disputed_project_id is not None
