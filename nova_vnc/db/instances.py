# SPDX-License-Identifier: Apache-2.0
"""Queries of the tables that hold what compute hosts report.

A function takes the connection of a transaction that Database.read() or write() runs, so that the directory can make
one transaction of several of them. What the rows mean is the directory's affair.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from nova_vnc.db import models

_HOSTS = models.reported_hosts
_REPORTED = models.reported_instances
_HOLDERS = models.instance_holders
_OWNERS = models.instance_owners

# Fewer than any database allows in one statement.
_MAX_PARAMETERS = 500


@dataclasses.dataclass(frozen=True)
class Claim:
    """A host's word on a VM."""

    uuid: str
    host: str
    vm_state: str
    last_report_at: float       # unix seconds: of that host


# -- reports; the first one to be called in a transaction is begin_report, which writes

def begin_report(connection: sa.Connection, host: str, number: int, now: float, forget_before: float) -> bool:
    """Take note that a host reports; False if a newer report of its is known, so that this one counts no more.

    Until the end of the transaction no other one handles a report of this host.

    :param forget_before: a newer report that came before this time (unix seconds) does not count: the clock of the
        host was set back
    """
    newer = sa.and_(_HOSTS.c.report_number > number, _HOSTS.c.last_report_at >= forget_before)
    updated = connection.execute(
        _HOSTS.update().where(_HOSTS.c.host == host, sa.not_(newer)).values(report_number=number, last_report_at=now))
    if updated.rowcount:
        return True
    if connection.execute(sa.select(_HOSTS.c.host).where(_HOSTS.c.host == host)).first():
        return False
    connection.execute(_HOSTS.insert().values(host=host, report_number=number, last_report_at=now))
    return True


def put(connection: sa.Connection, host: str, number: int, rows: Sequence[dict[str, Any]]) -> None:
    """Store what a host says of some VMs.

    :param rows: the columns of reported_instances, but host and report_number; no uuid twice
    """
    known = set(connection.scalars(
        sa.select(_REPORTED.c.uuid).where(_REPORTED.c.host == host, _REPORTED.c.uuid.in_([r['uuid'] for r in rows]))))
    complete = [{**row, 'host': host, 'report_number': number} for row in rows]
    if new := [row for row in complete if row['uuid'] not in known]:
        connection.execute(_REPORTED.insert(), new)
    if changed := [row for row in complete if row['uuid'] in known]:
        statement = _REPORTED.update().where(_REPORTED.c.host == host, _REPORTED.c.uuid == sa.bindparam('uuid_'))
        connection.execute(
            statement.values({name: sa.bindparam(name) for name in changed[0] if name not in ('uuid', 'host')}),
            [{**{name: value for name, value in row.items() if name not in ('uuid', 'host')}, 'uuid_': row['uuid']}
             for row in changed])


def count(connection: sa.Connection, host: str, number: int) -> int:
    """Return how many VMs a report has named so far."""
    return connection.scalar(sa.select(sa.func.count()).select_from(_REPORTED).where(
        _REPORTED.c.host == host, _REPORTED.c.report_number == number)) or 0


def drop_others(connection: sa.Connection, host: str, number: int) -> list[str]:
    """Forget the VMs of a host that this report did not name, and return their uuids."""
    others = sa.and_(_REPORTED.c.host == host, _REPORTED.c.report_number != number)
    uuids = list(connection.scalars(sa.select(_REPORTED.c.uuid).where(others)))
    if uuids:
        connection.execute(_REPORTED.delete().where(others))
    return uuids


# -- who holds which VM

def lock_holders(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, str]:
    """Return the holders of VMs by uuid; they stay so until the end of the transaction."""
    holders: dict[str, str] = {}
    for some in _batches(uuids):
        rows = connection.execute(sa.select(_HOLDERS).where(_HOLDERS.c.uuid.in_(some)).order_by(_HOLDERS.c.uuid)
                                  .with_for_update())
        holders.update({row.uuid: row.host for row in rows})
    return holders


def claims(connection: sa.Connection, uuids: Iterable[str]) -> list[Claim]:
    """Return all hosts' words on some VMs."""
    found: list[Claim] = []
    for some in _batches(uuids):
        rows = connection.execute(
            sa.select(_REPORTED.c.uuid, _REPORTED.c.host, _REPORTED.c.vm_state, _HOSTS.c.last_report_at)
            .join(_HOSTS, _HOSTS.c.host == _REPORTED.c.host).where(_REPORTED.c.uuid.in_(some)))
        found += [Claim(*row) for row in rows]
    return found


def set_holder(connection: sa.Connection, uuid: str, old: str | None, new: str | None) -> None:
    """Let another host hold a VM; None is nobody."""
    if old is None:
        connection.execute(_HOLDERS.insert().values(uuid=uuid, host=new))
    elif new is None:
        connection.execute(_HOLDERS.delete().where(_HOLDERS.c.uuid == uuid))
    else:
        connection.execute(_HOLDERS.update().where(_HOLDERS.c.uuid == uuid).values(host=new))


# -- look-ups: rows have the columns of reported_instances, with the owner that counts, and last_report_at

def find(connection: sa.Connection, uuid: str) -> dict[str, Any] | None:
    row = connection.execute(_held().where(_HOLDERS.c.uuid == uuid)).mappings().first()
    return dict(row) if row else None


def page(connection: sa.Connection, project_id: str | None, name_like: str | None, limit: int,
         marker: str | None) -> list[dict[str, Any]]:
    """Return rows ordered by uuid.

    :param project_id: of this project only; None: all
    :param name_like: pattern of LIKE for the display name, with the escape character `!`; letter case does not count
    :param marker: only what comes after this uuid
    """
    statement = _held()
    if project_id is not None:
        statement = statement.where(_project() == project_id)
    if name_like is not None:
        statement = statement.where(_REPORTED.c.display_name.ilike(name_like, escape='!'))
    if marker is not None:
        statement = statement.where(_HOLDERS.c.uuid > marker)
    rows = connection.execute(statement.order_by(_HOLDERS.c.uuid).limit(limit)).mappings()
    return [dict(row) for row in rows]


def _held() -> sa.Select[Any]:
    columns = [column for column in _REPORTED.c if column.name not in ('project_id', 'user_id', 'report_number')]
    user = sa.case((_REPORTED.c.project_id.is_(None), _OWNERS.c.user_id), else_=_REPORTED.c.user_id)
    held = sa.and_(_REPORTED.c.uuid == _HOLDERS.c.uuid, _REPORTED.c.host == _HOLDERS.c.host)
    return (sa.select(*columns, _project().label('project_id'), user.label('user_id'), _HOSTS.c.last_report_at)
            .select_from(_HOLDERS).join(_REPORTED, held).join(_HOSTS, _HOSTS.c.host == _HOLDERS.c.host)
            .outerjoin(_OWNERS, _OWNERS.c.uuid == _HOLDERS.c.uuid))


def _project() -> sa.ColumnElement[str]:
    # What the hypervisor's metadata says comes first: the operator cannot give away a VM of Nova's by mistake.
    return sa.func.coalesce(_REPORTED.c.project_id, _OWNERS.c.project_id)


# -- owners

def set_owner(connection: sa.Connection, uuid: str, project_id: str, user_id: str | None) -> None:
    unset_owner(connection, uuid)
    connection.execute(_OWNERS.insert().values(uuid=uuid, project_id=project_id, user_id=user_id))


def unset_owner(connection: sa.Connection, uuid: str) -> bool:
    """Return whether there was one."""
    return bool(connection.execute(_OWNERS.delete().where(_OWNERS.c.uuid == uuid)).rowcount)


def _batches(uuids: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(sorted(uuids))
    while some := list(itertools.islice(iterator, _MAX_PARAMETERS)):
        yield some
