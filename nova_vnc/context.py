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
        return cls.from_dict(dict(values), overwrite=True, auth_token=None,
                             user_id=values.get('user_id', values.get('user')),
                             project_id=values.get('project_id', values.get('tenant', values.get('project'))),
                             is_admin=bool(values.get('is_admin')))

    def to_wire(self) -> dict[str, Any]:
        """Return what Nova 17 to 34 read: user_id, project_id, is_admin, roles, request_id and the like.

        A Keystone token, if one is held, is not sent: nobody on the bus needs it.
        """
        values = self.to_dict()
        values['auth_token'] = None
        # Nova's from_dict wants these (nova.context.RequestContext, Queens to 34).
        values.setdefault('user_id', self.user_id)
        values.setdefault('user_name', self.user_name)
        values.setdefault('project_name', self.project_name)
        values.setdefault('read_deleted', 'no')
        values.setdefault('remote_address', None)
        values.setdefault('service_catalog', [])
        return values

    def to_policy_values(self) -> dict[str, Any]:
        """Return what rules of oslo.policy are about; `is_admin` is in them as in Nova's."""
        return {**super().to_policy_values(), 'is_admin': self.is_admin}


def service_context(global_request_id: str | None = None) -> RequestContext:
    """Return a context in which a service acts for itself, under a new request id."""
    return RequestContext(is_admin=True, overwrite=True, global_request_id=global_request_id)


def forget() -> None:
    """Have the log lines of this thread tell of no request any more. Before it serves another one."""
    # As oslo_context.fixture.ClearRequestContext does; there is no other way.
    oslo_context._request_store.__dict__.pop('context', None)
