# SPDX-License-Identifier: Apache-2.0
"""The directory that the nova-vnc-compute services fill by their reports.

All of it is in the database; messages of one report may be handled in any order by several processes. What one host
says is kept apart from what another one says of the same VM, so that a VM has its next holder in the moment in which
the last one lets it go.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oslo_log import log as logging

from nova_vnc import exception, objects
from nova_vnc.consoleauth import resources
from nova_vnc.consoleauth.directory import base, claims, name_filter
from nova_vnc.db import instances
from nova_vnc.db.engine import Database
from nova_vnc.rpc import expiring

LOG = logging.getLogger(__name__)

# A message that is overtaken by those of a newer report arrives within seconds of them. After this long a smaller
# number is no old message but a host whose clock was set back.
_NUMBERS_COUNT_FOR_S = 30.0
_MAX_LENGTH = 255       # of the columns


@dataclasses.dataclass(frozen=True)
class _Change:
    """What a report changed about a VM."""

    uuid: str
    old: str | None
    verdict: claims.Verdict


class ReportedInstanceDirectory(base.InstanceDirectory):
    """:param stale_after_s: a host that has reported nothing for so long counts as silent
    :param clock: unix seconds
    """

    def __init__(self, database: Database, stale_after_s: float, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._stale_after_s = stale_after_s
        self._clock = clock
        # Nobody could report while no nova-consoleauth ran, so no host is silent on that account.
        self._listening_since = clock()
        self._said_refusals = expiring.ExpiringSet(stale_after_s)

    @classmethod
    def build(cls, parts: resources.Resources) -> ReportedInstanceDirectory:
        return cls(parts.database(), parts.conf.consoleauth.host_stale_after)

    def get(self, instance_uuid: str) -> base.Entry | None:
        row = self._database.read(lambda connection: instances.find(connection, instance_uuid))
        return self._entry(row) if row else None

    def page(self, project_id: str | None, name: str | None, limit: int, marker: str | None) -> Sequence[base.Entry]:
        if marker is not None:
            last = self.get(marker)
            if last is None or (project_id is not None and last.instance.project_id != project_id):
                raise exception.MarkerNotFound(marker=marker)
        like = None if name is None else name_filter.build_like(name)
        rows = self._database.read(
            lambda connection: instances.page(connection, project_id, like, limit, marker))
        return [self._entry(row) for row in rows]

    def report(self, report: base.Report) -> None:
        now = self._clock()
        changes = self._database.write(lambda connection: self._apply(connection, report, now))
        for change in changes:
            self._log(change)

    def _apply(self, connection: Any, report: base.Report, now: float) -> list[_Change]:
        host, number = report.host, report.number
        if not instances.begin_report(connection, host, number, now, forget_before=now - _NUMBERS_COUNT_FOR_S):
            LOG.debug('Left out a message of an older report of host %s', host)
            return []
        rows = {record.uuid: _row(record) for record in report.instances}
        released: list[str] = []
        if rows:
            instances.put(connection, host, number, list(rows.values()))
        if instances.count(connection, host, number) >= report.total:
            released = instances.drop_others(connection, host, number)
        return self._settle(connection, [*rows, *released], now)

    def _settle(self, connection: Any, uuids: Iterable[str], now: float) -> list[_Change]:
        uuids = list(uuids)
        holders = instances.lock_holders(connection, uuids)
        by_uuid: dict[str, list[claims.Claim]] = collections.defaultdict(list)
        for claim in instances.claims(connection, uuids):
            by_uuid[claim.uuid].append(claims.Claim(
                claim.host, claim.vm_state in claims.RUNNING, not self._is_stale(claim.last_report_at, now)))
        changes = []
        for uuid in uuids:
            old = holders.get(uuid)
            verdict = claims.settle(old, by_uuid[uuid])
            if verdict.holder != old:
                instances.set_holder(connection, uuid, old, verdict.holder)
            if verdict.holder != old or verdict.refused:
                changes.append(_Change(uuid, old, verdict))
        return changes

    def _log(self, change: _Change) -> None:
        old, verdict = change.old, change.verdict
        if old is not None and verdict.holder is not None and old != verdict.holder:
            LOG.info('Instance %s is on host %s now; it was on %s', change.uuid, verdict.holder, old)
        for host in verdict.refused:
            claim = (change.uuid, verdict.holder, host)
            if claim not in self._said_refusals:
                LOG.warning('Security event: host %s claims instance %s, which host %s holds: refused. This is no '
                            'attack if the instance is being migrated, or was left behind by that',
                            host, change.uuid, verdict.holder)
            self._said_refusals.add(claim)  # for as long as the claim is made again and again

    def _is_stale(self, last_report_at: float, now: float) -> bool:
        return now - max(last_report_at, self._listening_since) > self._stale_after_s

    def _entry(self, row: dict[str, Any]) -> base.Entry:
        fields = {name: value for name, value in row.items() if name not in ('instance_id', 'last_report_at')}
        return base.Entry(objects.InstanceRecord(id=row['instance_id'], **fields),
                          self._is_stale(row['last_report_at'], self._clock()))


def _row(record: objects.InstanceRecord) -> dict[str, Any]:
    """Return the columns of reported_instances. What a sender got wrong is made to fit, and does no harm."""
    row: dict[str, Any] = {name: None if value is None else _fit(value)
                           for name, value in record.to_dict().items() if name not in ('id', 'host')}
    for name in ('name', 'display_name', 'vm_state'):
        row[name] = row[name] or ''
    is_id = isinstance(record.id, int) and 0 <= record.id < 2 ** 63
    return {**row, 'instance_id': record.id if is_id else 0}


def _fit(value: object) -> str:
    # JSON may hold halves of surrogate pairs; PostgreSQL knows no NUL.
    return str(value).encode(errors='replace').decode().replace('\x00', '')[:_MAX_LENGTH]
