# SPDX-License-Identifier: Apache-2.0
"""The query of a list of servers: which ones are meant, and which part of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from oslo_utils import strutils

from nova_vnc import objects
from nova_vnc.api import faults, microversion, policy, server_status
from nova_vnc.api.policies import servers as policies
from nova_vnc.context import RequestContext

Query = Mapping[str, list[str]]

_STATUS_MUST_EXIST = microversion.Microversion(2, 38)

# Fields of an instance that an administrator can filter by; Nova lets others send them and does not heed them.
_ADMIN_FIELDS = ('uuid', 'user_id', 'host', 'vm_state', 'task_state')

# These change nothing about which servers are meant. sort_*: the order here is that of the uuids.
_IGNORED = frozenset({'offset', 'page_size', 'sort_key', 'sort_dir'})
_HEEDED = frozenset({*_ADMIN_FIELDS, 'project_id', 'tenant_id', 'name', 'display_name', 'status', 'all_tenants',
                     'deleted', 'soft_deleted', 'limit', 'marker', 'tags', 'tags-any', 'not-tags', 'not-tags-any'})


@dataclasses.dataclass(frozen=True)
class ServerFilter:
    """What a list of servers holds.

    :ivar project_id: only this project's; None: all of them
    :ivar name: what the display name must match
    :ivar statuses: any of these; None: whatever it is
    :ivar fields: fields of the instance and the value they must have
    :ivar nothing: no server can match, or none may be seen
    """

    project_id: str | None
    limit: int
    marker: str | None = None
    name: str | None = None
    statuses: frozenset[str] | None = None
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    nothing: bool = False

    def matches(self, instance: objects.InstanceRecord) -> bool:
        """Tell whether status and fields match; project and name are the directory's work."""
        if self.statuses is not None and server_status.status_of(
                instance.vm_state, instance.task_state) not in self.statuses:
            return False
        return all(getattr(instance, name) == value for name, value in self.fields.items())


class Asker(NamedTuple):
    """Who asks for a list.

    :ivar rule: that of the list
    """

    context: RequestContext
    rights: policy.Policy
    rule: str


def parse(query: Query, known: Mapping[str, Any], asker: Asker, version: microversion.Microversion,
          max_limit: int) -> ServerFilter:
    """Read a query that its schema has let pass.

    :param known: the names in that schema; others are not heeded
    :raises Refusal: 400, 403
    """
    given = {name: values for name, values in query.items() if name in known}
    _check_available(given)
    last = {name: values[-1] for name, values in given.items()}
    statuses = _statuses(given.get('status'), version)
    if statuses == {server_status.DELETED} and not asker.context.is_admin:
        raise faults.Refusal(403, 'Only administrators may list deleted instances')
    scope = _scope(asker.context, _wants_all(last.get('all_tenants'), asker))
    heeds_all = asker.rights.allows(asker.context, policies.ALL_FILTERS)
    return ServerFilter(
        project_id=scope.project_id or (None if scope.nobody else _narrowed_to(last)),
        limit=min(int(last.get('limit', max_limit)), max_limit),
        marker=_marker(last.get('marker')),
        name=last.get('name') or last.get('display_name') or None,
        statuses=statuses,
        fields={**(_fields(last) if heeds_all else {}), **({'user_id': scope.user_id} if scope.user_id else {})},
        nothing=scope.nobody or statuses == frozenset() or _wants_what_none_is(last))


def _wants_what_none_is(last: Mapping[str, str]) -> bool:
    # No server here is deleted or has a tag; `not-tags` holds for all of them.
    return any(strutils.bool_from_string(last.get(name)) for name in ('deleted', 'soft_deleted')) or (
        'tags' in last or 'tags-any' in last)


class _Scope(NamedTuple):
    """Whose servers may be listed, before any argument of the query narrows it. None: anybody's."""

    project_id: str | None = None
    user_id: str | None = None
    nobody: bool = False


def _scope(ctxt: RequestContext, wants_all: bool) -> _Scope:
    """Decide it from who asks alone; `wants_all` is the word of one who may have it."""
    if wants_all:
        return _Scope()
    if ctxt.project_id:
        return _Scope(project_id=ctxt.project_id)
    if not ctxt.is_admin:
        return _Scope(nobody=True)
    # nova.api.openstack.compute.servers: who is of no project sees what is his own. An administrator who is no user
    # either is whoever operates this cloud, and has nothing of his own.
    return _Scope(user_id=ctxt.user_id)


def _check_available(given: Query) -> None:
    # A filter that is not heeded would give servers that were not asked for.
    for name in sorted(given.keys() - _HEEDED - _IGNORED):
        raise faults.Refusal(400, f'Servers cannot be filtered by {name} here.')


def _wants_all(all_tenants: str | None, asker: Asker) -> bool:
    wants_all = all_tenants is not None and _is_true(all_tenants)
    if wants_all:
        asker.rights.authorize(asker.context, policies.GET_ALL_TENANTS[asker.rule])
    return wants_all


def _narrowed_to(last: Mapping[str, str]) -> str | None:
    return last.get('project_id') or last.get('tenant_id') or None


def _is_true(value: str) -> bool:
    try:
        return value == '' or strutils.bool_from_string(value, strict=True)
    except ValueError as error:
        raise faults.Refusal(400, str(error)) from None


def _marker(value: str | None) -> str | None:
    uuid = objects.normalize_uuid(value)
    if value is not None and uuid is None:
        raise marker_not_found(value)
    return uuid


def marker_not_found(value: str | None) -> faults.Refusal:
    return faults.Refusal(400, f'marker [{value}] not found')


def _statuses(values: list[str] | None, version: microversion.Microversion) -> frozenset[str] | None:
    if values is None:
        return None
    known = frozenset(value.upper() for value in values) & server_status.STATUSES
    if not known and version >= _STATUS_MUST_EXIST:
        raise faults.Refusal(400, 'Invalid status value')
    return known


def _fields(last: Mapping[str, str]) -> dict[str, str]:
    fields = {name: last[name] for name in _ADMIN_FIELDS if name in last}
    if 'uuid' in fields:
        fields['uuid'] = objects.normalize_uuid(fields['uuid']) or fields['uuid']
    return fields
