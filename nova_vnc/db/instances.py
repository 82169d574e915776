# SPDX-License-Identifier: Apache-2.0
"""Queries of the tables that tell which VMs there are, who holds them and whose they are.

A function takes the connection of a transaction that Database.read() or write() runs, so that the directory can make
one transaction of several of them. What the rows mean is the directory's affair.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nova_vnc.db import models
from nova_vnc.db.batches import batches
from nova_vnc.db.reports import SILENT_SINCE

_HOSTS = models.reported_hosts
_REPORTED = models.reported_instances
_HOLDERS = models.instance_holders
_HOMES = models.instance_homes
_OWNERS = models.instance_owners

# What does not depend on who holds a VM.
_KNOWN = ('display_name', 'project_id', 'user_id')


@dataclasses.dataclass(frozen=True)
class Claim:
    """A host's word on a VM."""

    uuid: str
    host: str
    vm_state: str
    project_id: str | None
    user_id: str | None
    display_name: str
    claimed_at: float           # unix seconds, as is the next
    silent_since: float         # of that host


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a VM, and what is known of it."""

    uuid: str
    host: str | None
    known_project_id: str | None
    known_user_id: str | None
    display_name: str | None


@dataclasses.dataclass(frozen=True)
class Host:
    """A compute host that has reported."""

    host: str
    last_report_at: float       # unix seconds, as is the next
    silent_since: float
    held: int                   # VMs that it holds


# -- who holds which VM. Whoever changes that locks the holder first, in the order of uuids.

def touch_holder(connection: sa.Connection, uuid: str) -> bool:
    """Lock the holder of a VM by a write; False if there is none."""
    return bool(connection.execute(_HOLDERS.update().where(_HOLDERS.c.uuid == uuid).values(uuid=uuid)).rowcount)


def lock_holders(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, Holder]:
    """Return the holders of VMs by uuid; they stay so until the end of the transaction."""
    holders: dict[str, Holder] = {}
    columns = [_HOLDERS.c[field.name] for field in dataclasses.fields(Holder)]
    for some in batches(uuids):
        rows = connection.execute(sa.select(*columns).where(_HOLDERS.c.uuid.in_(some)).order_by(_HOLDERS.c.uuid)
                                  .with_for_update())
        holders.update({row.uuid: Holder(*row) for row in rows})
    return holders


def claims(connection: sa.Connection, uuids: Iterable[str]) -> list[Claim]:
    """Return all hosts' words on some VMs."""
    found: list[Claim] = []
    columns = [SILENT_SINCE if field.name == 'silent_since' else _REPORTED.c[field.name]
               for field in dataclasses.fields(Claim)]
    for some in batches(uuids):
        rows = connection.execute(sa.select(*columns).join_from(_REPORTED, _HOSTS, _HOSTS.c.host == _REPORTED.c.host)
                                  .where(_REPORTED.c.uuid.in_(some)))
        found += [Claim(*row) for row in rows]
    return found


def homes(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, dict[str, int | None]]:
    """Return, by uuid and host, the seniority of each home; None: barred by the operator."""
    found: dict[str, dict[str, int | None]] = collections.defaultdict(dict)
    for some in batches(uuids):
        for row in connection.execute(sa.select(_HOMES).where(_HOMES.c.uuid.in_(some))):
            found[row.uuid][row.host] = row.seniority
    return found


def save_holders(connection: sa.Connection, new: Sequence[Holder], changed: Sequence[Holder], now: float) -> None:
    """Store who holds some VMs, and whose they are where the operator says nothing.

    :param new: of VMs without a holder so far
    """
    uuids = [holder.uuid for holder in (*new, *changed)]
    owners = {row.uuid: row for some in batches(uuids)
              for row in connection.execute(sa.select(_OWNERS).where(_OWNERS.c.uuid.in_(some)))}

    def row(holder: Holder) -> dict[str, Any]:
        owner = owners.get(holder.uuid)
        return {**dataclasses.asdict(holder), 'released_at': now if holder.host is None else None,
                'project_id': owner.project_id if owner else holder.known_project_id,
                'user_id': owner.user_id if owner else holder.known_user_id}
    if new:
        connection.execute(_HOLDERS.insert(), [row(holder) for holder in new])
    if changed:
        rows = [row(holder) for holder in changed]
        names = [name for name in rows[0] if name != 'uuid']
        connection.execute(
            _HOLDERS.update().where(_HOLDERS.c.uuid == sa.bindparam('uuid_'))
            .values({name: sa.bindparam(name) for name in names}),
            [{**{name: values[name] for name in names}, 'uuid_': values['uuid']} for values in rows])


def save_homes(connection: sa.Connection, old: Mapping[str, Mapping[str, int | None]],
               new: Mapping[str, Mapping[str, int | None]]) -> None:
    """Store the homes of the VMs in new; both are as homes() returns them."""
    added = []
    for uuid, hosts_now in new.items():
        before = old.get(uuid, {})
        if left := [host for host in before if host not in hosts_now or hosts_now[host] != before[host]]:
            connection.execute(_HOMES.delete().where(_HOMES.c.uuid == uuid, _HOMES.c.host.in_(left)))
        added += [{'uuid': uuid, 'host': host, 'seniority': seniority} for host, seniority in hosts_now.items()
                  if host not in before or before[host] != seniority]
    if added:
        connection.execute(_HOMES.insert(), added)


def forget_released(connection: sa.Connection, before: float) -> int:
    """Forget VMs that no host has had since then, but for those with an owner set by the operator."""
    return connection.execute(_HOLDERS.delete().where(
        _HOLDERS.c.released_at < before, _HOLDERS.c.uuid.not_in(sa.select(_OWNERS.c.uuid)))).rowcount


# -- look-ups: rows have the columns of reported_instances, with owner and name that count, and silent_since

def find(connection: sa.Connection, uuid: str) -> dict[str, Any] | None:
    row = connection.execute(_held().where(_HOLDERS.c.uuid == uuid)).mappings().first()
    return dict(row) if row else None


def find_many(connection: sa.Connection, uuids: Sequence[str]) -> list[dict[str, Any]]:
    """:param uuids: at most MAX_PARAMETERS"""
    return [dict(row) for row in connection.execute(_held().where(_HOLDERS.c.uuid.in_(uuids))).mappings()]


def page(connection: sa.Connection, project_id: str | None, name_like: str | None, limit: int,
         marker: str | None) -> list[dict[str, Any]]:
    """Return rows ordered by uuid.

    :param project_id: of this project only; None: all
    :param name_like: pattern of LIKE for the display name, with the escape character `!`; letter case does not count
    :param marker: only what comes after this uuid
    """
    # The page is chosen before the join, of which PostgreSQL believes that it finds next to nothing: it would join all.
    statement = sa.select(_HOLDERS).where(_HOLDERS.c.host.is_not(None))
    if project_id is not None:
        statement = statement.where(_HOLDERS.c.project_id == project_id)
    if name_like is not None:
        statement = statement.where(_HOLDERS.c.display_name.ilike(name_like, escape='!'))
    if marker is not None:
        statement = statement.where(_HOLDERS.c.uuid > marker)
    chosen = statement.order_by(_HOLDERS.c.uuid).limit(limit).subquery()
    rows = connection.execute(_held(chosen).order_by(chosen.c.uuid)).mappings()
    return [dict(row) for row in rows]


def hosts(connection: sa.Connection) -> list[Host]:
    """Return the hosts ordered by name."""
    # Counted before the join: for each host MariaDB would look at every VM.
    held = sa.select(_HOLDERS.c.host, sa.func.count().label('held')).group_by(_HOLDERS.c.host).subquery()
    rows = connection.execute(
        sa.select(_HOSTS.c.host, _HOSTS.c.last_report_at, SILENT_SINCE, sa.func.coalesce(held.c.held, 0))
        .select_from(_HOSTS).outerjoin(held, held.c.host == _HOSTS.c.host).order_by(_HOSTS.c.host))
    return [Host(*row) for row in rows]


def _held(holders: sa.FromClause = _HOLDERS) -> sa.Select[Any]:
    known = [sa.func.coalesce(holders.c.display_name, _REPORTED.c.display_name).label('display_name'),
             holders.c.project_id, holders.c.user_id]
    columns = [column for column in _REPORTED.c if column.name not in (*_KNOWN, 'report_number', 'claimed_at')]
    held = sa.and_(_REPORTED.c.uuid == holders.c.uuid, _REPORTED.c.host == holders.c.host)
    return (sa.select(*columns, *known, SILENT_SINCE.label('silent_since'))
            .select_from(holders).join(_REPORTED, held).join(_HOSTS, _HOSTS.c.host == holders.c.host))


# -- owners

def set_owner(connection: sa.Connection, uuid: str, project_id: str, user_id: str | None) -> None:
    """Say whose a VM is, whatever hosts say, also if none has it yet."""
    connection.execute(_OWNERS.delete().where(_OWNERS.c.uuid == uuid))
    connection.execute(_OWNERS.insert().values(uuid=uuid, project_id=project_id, user_id=user_id))
    if not touch_holder(connection, uuid):
        connection.execute(_HOLDERS.insert().values(uuid=uuid))
    connection.execute(_HOLDERS.update().where(_HOLDERS.c.uuid == uuid).values(project_id=project_id, user_id=user_id))


def unset_owner(connection: sa.Connection, uuid: str) -> bool:
    """Let what is known of the owner count again; return whether there was one set."""
    was_set = bool(connection.execute(_OWNERS.delete().where(_OWNERS.c.uuid == uuid)).rowcount)
    if was_set:
        of_it = _HOLDERS.c.uuid == uuid
        connection.execute(_HOLDERS.delete().where(of_it, _HOLDERS.c.host.is_(None), _HOLDERS.c.released_at.is_(None)))
        connection.execute(_HOLDERS.update().where(of_it).values(
            project_id=_HOLDERS.c.known_project_id, user_id=_HOLDERS.c.known_user_id))
    return was_set
