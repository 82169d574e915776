# SPDX-License-Identifier: Apache-2.0
"""The request context: who asks, and under which request id. It travels with each RPC message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oslo_context import context as oslo_context


class RequestContext(oslo_context.RequestContext):
    """oslo.context's, read from and written to what any release of Nova puts on the wire."""

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> RequestContext:
        """Read a dict of any sender; keys that are unknown or absent do no harm."""
        known = {'user_id': values.get('user_id', values.get('user')),
                 'project_id': values.get('project_id', values.get('tenant', values.get('project'))),
                 'is_admin': bool(values.get('is_admin')),
                 'roles': values.get('roles') or [],
                 'request_id': values.get('request_id'),
                 'global_request_id': values.get('global_request_id')}
        return cls(overwrite=True, **known)

    def to_wire(self) -> dict[str, Any]:
        """Return what Nova 17 to 34 read: user_id, project_id, is_admin, roles, request_id and the like.

        A Keystone token, if one is held, is not sent: nobody on the bus needs it.
        """
        values = self.to_dict()
        values['auth_token'] = None
        # Nova's from_dict wants these (nova.context.RequestContext, Queens to 34).
        values.setdefault('read_deleted', 'no')
        values.setdefault('remote_address', None)
        values.setdefault('service_catalog', [])
        return values


def service_context(global_request_id: str | None = None) -> RequestContext:
    """Return a context in which a service acts for itself, under a new request id."""
    return RequestContext(is_admin=True, overwrite=True, global_request_id=global_request_id)
