# SPDX-License-Identifier: Apache-2.0
"""nova.policies.servers, as far as servers are served here."""

from __future__ import annotations

from collections.abc import Sequence

from oslo_policy import policy

from nova_vnc.api.policies import base

_PREFIX = 'os_compute_api:servers:'
INDEX = f'{_PREFIX}index'
DETAIL = f'{_PREFIX}detail'
SHOW = f'{_PREFIX}show'
ALL_FILTERS = f'{_PREFIX}allow_all_filters'
HOST_STATUS = f'{_PREFIX}show:host_status'
HOST_STATUS_UNKNOWN_ONLY = f'{_PREFIX}show:host_status:unknown-only'

# For the lists of both kinds.
GET_ALL_TENANTS = {INDEX: f'{INDEX}:get_all_tenants', DETAIL: f'{DETAIL}:get_all_tenants'}

_LIST, _DETAIL, _SHOW = '/servers', '/servers/detail', '/servers/{server_id}'


def _rule(name: str, check: str, description: str, paths: Sequence[str]) -> policy.DocumentedRuleDefault:
    return policy.DocumentedRuleDefault(
        name=name, check_str=check, scope_types=base.SCOPE, description=description,
        operations=[{'method': 'GET', 'path': path} for path in paths])


RULES = [
    _rule(INDEX, base.PROJECT_READER_OR_ADMIN, 'List servers.', [_LIST]),
    _rule(DETAIL, base.PROJECT_READER_OR_ADMIN, 'List servers with what is known of them.', [_DETAIL]),
    _rule(GET_ALL_TENANTS[INDEX], base.ADMIN, 'List the servers of all projects.', [_LIST]),
    _rule(GET_ALL_TENANTS[DETAIL], base.ADMIN, 'List the servers of all projects with what is known of them.',
          [_DETAIL]),
    _rule(ALL_FILTERS, base.ADMIN, 'List servers by all filters. Of others those that are for administrators are not '
                                   'heeded.', [_LIST, _DETAIL]),
    _rule(SHOW, base.PROJECT_READER_OR_ADMIN, 'Show a server.', [_SHOW]),
    _rule(HOST_STATUS, base.ADMIN, 'Show the state of the host of a server.', [_SHOW, _DETAIL]),
    _rule(HOST_STATUS_UNKNOWN_ONLY, base.ADMIN,
          'Show that the state of the host of a server is UNKNOWN, and no other state.', [_SHOW, _DETAIL]),
]
