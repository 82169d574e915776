# SPDX-License-Identifier: Apache-2.0
"""What the rules of the calls are made of (nova.policies.base).

All of Nova's are here, also those that no default here refers to: a policy.yaml of Nova's may do so.
"""

from __future__ import annotations

from typing import Any

from oslo_policy import policy

CONTEXT_IS_ADMIN = 'context_is_admin'
ADMIN = f'rule:{CONTEXT_IS_ADMIN}'
PROJECT_MEMBER_OR_ADMIN = 'rule:project_member_or_admin'
PROJECT_READER_OR_ADMIN = 'rule:project_reader_or_admin'

# Nova's own checks are of projects alone: a token with the scope of the system or of a domain is refused.
SCOPE = ['project']

_ADMIN_OR_OWNER = 'is_admin:True or project_id:%(project_id)s'
_SINCE = '21.0.0'
_REASON = 'Default roles took the place of this rule. It counts only with [oslo_policy]enforce_new_defaults = False.'

_OLD_ADMIN = policy.DeprecatedRule('rule:admin_api', 'is_admin:True', deprecated_reason=_REASON,
                                   deprecated_since=_SINCE)
_OLD_ADMIN_OR_OWNER = policy.DeprecatedRule('rule:admin_or_owner', _ADMIN_OR_OWNER, deprecated_reason=_REASON,
                                            deprecated_since=_SINCE)


class _IsAdmin(policy.Check):
    """`is_admin:True` in whatever case, as Nova reads it: what `context_is_admin` has said of who asks."""

    def __init__(self, kind: str, match: str) -> None:
        super().__init__(kind, str(match.lower() == 'true'))

    def __call__(self, target: Any, creds: Any, enforcer: Any, current_rule: str | None = None) -> bool:
        return str(bool(creds.get('is_admin'))) == self.match


policy.register('is_admin', _IsAdmin)


def _for_removal(name: str, check: str, description: str) -> policy.RuleDefault:
    return policy.RuleDefault(name, check, description, deprecated_for_removal=True, deprecated_reason=_REASON,
                              deprecated_since=_SINCE)


RULES = [
    policy.RuleDefault(CONTEXT_IS_ADMIN, 'role:admin', 'Who is an administrator.', deprecated_rule=_OLD_ADMIN),
    _for_removal('admin_or_owner', _ADMIN_OR_OWNER, 'The former default of calls that concern a project.'),
    _for_removal('admin_api', 'is_admin:True', 'The former default of calls that are for administrators.'),
    policy.RuleDefault('project_manager_api', 'role:manager and project_id:%(project_id)s',
                       'Managers of the project.', deprecated_rule=_OLD_ADMIN),
    policy.RuleDefault('project_member_api', 'role:member and project_id:%(project_id)s',
                       'Members of the project.', deprecated_rule=_OLD_ADMIN_OR_OWNER),
    policy.RuleDefault('project_reader_api', 'role:reader and project_id:%(project_id)s',
                       'Who may read in the project.', deprecated_rule=_OLD_ADMIN_OR_OWNER),
    policy.RuleDefault('service_api', 'role:service', 'Other services.', deprecated_rule=_OLD_ADMIN),
    policy.RuleDefault('project_manager_or_admin', 'rule:project_manager_api or rule:context_is_admin',
                       'Managers of the project, and administrators.', deprecated_rule=_OLD_ADMIN),
    policy.RuleDefault('project_member_or_admin', 'rule:project_member_api or rule:context_is_admin',
                       'Members of the project, and administrators.', deprecated_rule=_OLD_ADMIN_OR_OWNER),
    policy.RuleDefault('project_reader_or_admin', 'rule:project_reader_api or rule:context_is_admin',
                       'Who may read in the project, and administrators.', deprecated_rule=_OLD_ADMIN_OR_OWNER),
    policy.RuleDefault('service_or_admin', 'rule:service_api or rule:context_is_admin',
                       'Other services, and administrators.', deprecated_rule=_OLD_ADMIN),
]
