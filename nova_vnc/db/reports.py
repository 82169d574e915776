# SPDX-License-Identifier: Apache-2.0
"""Queries of the tables that hold what compute hosts report.

The first one to be called in a transaction of Database.write() is begin_report, which writes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from nova_vnc.db import models
from nova_vnc.db.batches import batches

_HOSTS = models.reported_hosts
_REPORTED = models.reported_instances
_HOLDERS = models.instance_holders

# Of a host; unix seconds.
SILENT_SINCE = sa.case((_HOSTS.c.last_report_at > _HOSTS.c.silent_since, _HOSTS.c.last_report_at),
                       else_=_HOSTS.c.silent_since)

# What a report says of a VM.
_SAID = ('uuid', 'instance_id', 'name', 'display_name', 'project_id', 'user_id', 'vm_state', 'task_state')


@dataclasses.dataclass(frozen=True)
class Said:
    """What a host has said of a VM; which host holds that, and whose it is known to be."""

    row: dict[str, Any]         # the columns _SAID of reported_instances
    holder: str | None
    known_project_id: str | None


def begin_report(connection: sa.Connection, host: str, number: int, now: float, forget_before: float) -> bool:
    """Take note that a host reports; False if a newer report of its is known, so that this one counts no more.

    Until the end of the transaction no other one handles a report of this host.

    :param forget_before: a newer report that came before this time (unix seconds) does not count: the clock of the
        host was set back
    """
    newer = sa.and_(_HOSTS.c.report_number > number, _HOSTS.c.last_report_at >= forget_before)
    update = _HOSTS.update().where(_HOSTS.c.host == host, sa.not_(newer)).values(report_number=number,
                                                                                 last_report_at=now)
    if connection.execute(update).rowcount:
        return True
    if connection.execute(sa.select(_HOSTS.c.host).where(_HOSTS.c.host == host)).first():
        # By a newer report, or by another message of this one since the update found nothing.
        return bool(connection.execute(update).rowcount)
    connection.execute(_HOSTS.insert().values(host=host, report_number=number, last_report_at=now))
    return True


def last_heard_at(connection: sa.Connection) -> float:
    """Return when any host was last heard; unix seconds."""
    return connection.scalar(sa.select(sa.func.max(SILENT_SINCE))) or 0.0


def forgive_silence(connection: sa.Connection, until: float) -> None:
    """Count the silence of all hosts from now on: nobody could be heard before, and nobody has been heard since."""
    was_heard = sa.case((_HOSTS.c.last_report_at > until, until), else_=_HOSTS.c.last_report_at)
    connection.execute(_HOSTS.update().values(silent_since=until, last_report_at=was_heard))


def said_by(connection: sa.Connection, host: str, uuids: Sequence[str] | None = None) -> dict[str, Said]:
    """Return what a host has said by uuid: of some VMs, or of all."""
    statement = (sa.select(*(_REPORTED.c[name] for name in _SAID), _HOLDERS.c.host, _HOLDERS.c.known_project_id)
                 .outerjoin_from(_REPORTED, _HOLDERS, _HOLDERS.c.uuid == _REPORTED.c.uuid)
                 .where(_REPORTED.c.host == host))
    if uuids is not None:
        statement = statement.where(_REPORTED.c.uuid.in_(uuids))
    return {row[0]: Said(dict(zip(_SAID, row[:-2], strict=True)), *row[-2:]) for row in connection.execute(statement)}


def put(connection: sa.Connection, host: str, number: int, new: Sequence[dict[str, Any]],
        changed: Sequence[dict[str, Any]], now: float) -> None:
    """Store what a host says of VMs that it has not named before, and what else it says now of others.

    :param new: the columns of Said.row; no uuid twice
    """
    if new:
        connection.execute(_REPORTED.insert(), [{**row, 'host': host, 'report_number': number, 'claimed_at': now}
                                                for row in new])
    if changed:
        names = [name for name in _SAID if name != 'uuid']
        connection.execute(
            _REPORTED.update().where(_REPORTED.c.host == host, _REPORTED.c.uuid == sa.bindparam('uuid_'))
            .values({name: sa.bindparam(name) for name in names}),
            [{**{name: row[name] for name in names}, 'uuid_': row['uuid']} for row in changed])


def drop(connection: sa.Connection, host: str, uuids: Iterable[str]) -> None:
    """Forget some VMs of a host."""
    for some in batches(uuids):
        connection.execute(_REPORTED.delete().where(_REPORTED.c.host == host, _REPORTED.c.uuid.in_(some)))


# -- reports of several messages: rows remember by which one they were named, so that the last message can tell

def mark(connection: sa.Connection, host: str, number: int, uuids: Iterable[str]) -> None:
    """Take note that a report has named some VMs."""
    for some in batches(uuids):
        connection.execute(_REPORTED.update().where(_REPORTED.c.host == host, _REPORTED.c.uuid.in_(some))
                           .values(report_number=number))


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


def forget_host(connection: sa.Connection, host: str) -> list[str] | None:
    """Forget a host and what it reported; return the uuids of that, or None if the host is not known."""
    if not connection.execute(_HOSTS.delete().where(_HOSTS.c.host == host)).rowcount:
        return None
    uuids = list(connection.scalars(sa.select(_REPORTED.c.uuid).where(_REPORTED.c.host == host)))
    connection.execute(_REPORTED.delete().where(_REPORTED.c.host == host))
    return uuids
