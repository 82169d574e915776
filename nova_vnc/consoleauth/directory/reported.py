# SPDX-License-Identifier: Apache-2.0
"""The directory that the nova-vnc-compute services fill by their reports.

All of it is in the database; messages of one report may be handled in any order by several processes. What one host
says is kept apart from what another one says of the same VM, so that a VM has its next holder in the moment in which
the last one lets it go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from oslo_log import log as logging

from nova_vnc import exception, objects
from nova_vnc.consoleauth import resources
from nova_vnc.consoleauth.directory import base, name_filter, settlement, silence
from nova_vnc.db import instances, reports
from nova_vnc.db.engine import Database
from nova_vnc.db.schema import Content
from nova_vnc.rpc import expiring

LOG = logging.getLogger(__name__)

# A message that is overtaken by those of a newer report arrives within seconds of them. After this long a smaller
# number is no old message but a host whose clock was set back.
_NUMBERS_COUNT_FOR_S = 30.0
_MAX_LENGTH = 255       # of the columns
# Of a VM, by a host that reports it; and its id.
_SAID = frozenset({'uuid', 'name', 'display_name', 'project_id', 'user_id', 'vm_state', 'task_state'})

# A VM that nobody has is remembered for so long, with its owner: while it is shelved, or between two hosts.
_REMEMBER_S = 30 * 24 * 3600.0
_FORGET_INTERVAL_S = 3600.0


class ReportedInstanceDirectory(base.ReportedDirectory):
    """:param stale_after_s: a host that has reported nothing for so long counts as silent
    :param unknown_after_s: and after so long as gone, and its VMs as unknown; 0: never
    :param clock: unix seconds
    """

    def __init__(self, database: Database, stale_after_s: float, clock: Callable[[], float] = time.time, *,
                 unknown_after_s: float = 0) -> None:
        self._database = database
        self._clock = clock
        self._silence = silence.Silence(stale_after_s, unknown_after_s)
        # Nobody could report while no nova-consoleauth ran, so no host is silent on that account. From the first report
        # on, the database knows.
        self._started_at = clock()
        self._heard_at = 0.0
        self._said = expiring.ExpiringSet(stale_after_s)
        self._forgot_at = clock()

    @classmethod
    def build(cls, parts: resources.Resources) -> ReportedInstanceDirectory:
        options = parts.conf.consoleauth
        database = parts.database()
        database.require(Content.OURS, '[consoleauth]instance_directory = reported')
        return cls(database, options.host_stale_after, unknown_after_s=options.host_unknown_after)

    def get(self, instance_uuid: str) -> base.Entry | None:
        row = self._database.read(lambda connection: instances.find(connection, instance_uuid))
        return self._entry(row) if row else None

    def get_many(self, uuids: Sequence[str]) -> Mapping[str, base.Entry | None]:
        rows = self._database.read(lambda connection: instances.find_many(connection, uuids))
        found = {row['uuid']: self._entry(row) for row in rows}
        return {uuid: found.get(uuid) for uuid in uuids}

    def page(self, project_id: str | None, name: str | None, limit: int, marker: str | None) -> Sequence[base.Entry]:
        like = None if name is None else name_filter.build_like(name)
        with self._database.shared_reads():
            last = self.get(marker) if marker is not None else None
            if marker is not None and (last is None or project_id not in (None, last.instance.project_id)):
                raise exception.MarkerNotFound(marker=marker)
            rows = self._database.read(
                lambda connection: instances.page(connection, project_id, like, limit, marker))
        return [self._entry(row) for row in rows]

    def report(self, report: base.Report) -> None:
        now = self._clock()
        if self._silence.is_nobodys(self._heard_at, now):
            self._forgive_silence(now)
        # Nobody waits for it, and it may have to wait for others that name the same VMs.
        self._log(self._database.write(lambda connection: self._apply(connection, report, now), is_urgent=False))
        self._heard_at = now
        if now - self._forgot_at >= _FORGET_INTERVAL_S:
            self._forgot_at = now
            self._database.write(lambda connection: instances.forget_released(connection, now - _REMEMBER_S))

    def set_owner(self, instance_uuid: str, project_id: str, user_id: str | None) -> bool:
        self._database.write(lambda connection: instances.set_owner(connection, instance_uuid, project_id, user_id))
        return self.get(instance_uuid) is not None

    def unset_owner(self, instance_uuid: str) -> bool:
        return self._database.write(lambda connection: instances.unset_owner(connection, instance_uuid))

    def set_host(self, instance_uuid: str, host: str) -> None:
        now = self._clock()

        def work(connection: Any) -> list[settlement.Change]:
            known = instances.touch_holder(connection, instance_uuid)
            claimants = settlement.bar_all_but(connection, instance_uuid, host) if known else []
            if host not in claimants:
                raise exception.InvalidInput(reason=f'host {host} does not report instance {instance_uuid}; '
                                                    f'those that do: {", ".join(claimants) or "none"}')
            return settlement.settle(connection, [instance_uuid], self._silence, now)
        changes = self._database.write(work)
        LOG.info('The operator says that instance %s is on host %s', instance_uuid, host)
        self._log(changes)

    def hosts(self) -> list[base.HostState]:
        now = self._clock()
        return [base.HostState(found.host, found.last_report_at, found.held,
                               self._silence.is_stale(found.silent_since, now),
                               self._silence.is_gone(found.silent_since, now))
                for found in self._database.read(instances.hosts)]

    def forget_host(self, host: str) -> int:
        now = self._clock()

        def work(connection: Any) -> tuple[int, list[settlement.Change]]:
            uuids = reports.forget_host(connection, host)
            if uuids is None:
                raise exception.InvalidInput(reason=f'no host {host} has reported')
            return len(uuids), settlement.settle(connection, uuids, self._silence, now)
        count, changes = self._database.write(work)
        LOG.info('Forgot host %s and the %d instances that it reported', host, count)
        self._log(changes)
        return count

    def _forgive_silence(self, now: float) -> None:
        """After a time in which no nova-consoleauth heard any host, let none of them be silent on that account.

        It is in the database, so that all processes are of one mind.
        """
        heard_at = self._database.read(reports.last_heard_at)
        if self._silence.is_nobodys(heard_at, now):
            self._database.write(lambda connection: reports.forgive_silence(connection, now))

    def _apply(self, connection: Any, report: base.Report, now: float) -> list[settlement.Change]:
        host, number = report.host, report.number
        if not reports.begin_report(connection, host, number, now, forget_before=now - _NUMBERS_COUNT_FOR_S):
            LOG.debug('Left out a message of an older report of host %s', host)
            return []
        rows = {record.uuid: _row(record) for record in sorted(report.instances, key=lambda record: record.uuid)}
        is_whole = len(rows) >= report.total
        said = reports.said_by(connection, host, None if is_whole else list(rows))
        reports.put(connection, host, number, [row for uuid, row in rows.items() if uuid not in said],
                      [row for uuid, row in rows.items() if uuid in said and said[uuid].row != row], now)
        released = sorted(said.keys() - rows.keys())
        if is_whole:
            reports.drop(connection, host, released)
        else:
            released = self._finish_in_parts(connection, report, rows)
        news = [uuid for uuid, row in rows.items() if said.get(uuid) != reports.Said(row, host, row['project_id'])]
        return settlement.settle(connection, [*news, *released], self._silence, now)

    def _finish_in_parts(self, connection: Any, report: base.Report, uuids: Iterable[str]) -> list[str]:
        """Return what a report of several messages has released, once this one was the last to be handled."""
        reports.mark(connection, report.host, report.number, uuids)
        if reports.count(connection, report.host, report.number) < report.total:
            return []
        return reports.drop_others(connection, report.host, report.number)

    def _log(self, changes: Iterable[settlement.Change]) -> None:
        for change in changes:
            old, verdict = change.old, change.verdict
            if old is not None and verdict.holder is not None and old != verdict.holder:
                LOG.info('Instance %s is on host %s now; it was on %s', change.uuid, verdict.holder, old)
            for host in verdict.refused:
                self._say_once('Security event: host %s claims instance %s, which host %s holds: refused. This is no '
                               'attack if the instance is being migrated, or was left behind by that',
                               host, change.uuid, verdict.holder)
            if change.disputed_project_id is not None:
                self._say_once('Security event: host %s says that instance %s belongs to project %s, but it is known '
                               'to belong to %s: refused. This is no attack if an administrator has moved or rebuilt '
                               'it', verdict.holder, change.uuid, change.disputed_project_id, change.known_project_id)

    def _say_once(self, *message: object) -> None:
        if self._said.add(message):     # for as long as it is claimed again and again
            LOG.warning(*message)

    def _entry(self, row: dict[str, Any]) -> base.Entry:
        fields = {name: value for name, value in row.items() if name not in ('instance_id', 'silent_since')}
        now = self._clock()
        silent_since = row['silent_since'] if self._heard_at else max(row['silent_since'], self._started_at)
        if self._silence.is_gone(silent_since, now):
            fields.update(vm_state=objects.VM_STATE_UNKNOWN, task_state=None)
        return base.Entry(objects.InstanceRecord(id=row['instance_id'], **fields),
                          self._silence.is_stale(silent_since, now))


def _row(record: objects.InstanceRecord) -> dict[str, Any]:
    """Return the columns of reported_instances. What a sender got wrong is made to fit, and does no harm."""
    row: dict[str, Any] = {name: None if value is None else _fit(value)
                           for name, value in record.to_dict().items() if name in _SAID}
    for name in ('name', 'display_name', 'vm_state'):
        row[name] = row[name] or ''
    is_id = isinstance(record.id, int) and 0 <= record.id < 2 ** 63
    return {**row, 'instance_id': record.id if is_id else 0}


def _fit(value: object) -> str:
    if isinstance(value, str) and value.isascii() and value.isprintable():      # nearly all, and there are many
        return value[:_MAX_LENGTH]
    # JSON may hold halves of surrogate pairs; PostgreSQL knows no NUL.
    return str(value).encode(errors='replace').decode().replace('\x00', '')[:_MAX_LENGTH]
