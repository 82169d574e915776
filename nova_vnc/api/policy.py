# SPDX-License-Identifier: Apache-2.0
"""What who asks may do, by the rules of oslo.policy in their present state."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping

from oslo_log import log as logging
from oslo_policy import policy

from nova_vnc.api import faults
from nova_vnc.api.policies import base
from nova_vnc.context import RequestContext

LOG = logging.getLogger(__name__)

Target = Mapping[str, str | None]


class Policy:
    """Thread-safe. A policy file that has changed is in force with the next question, as oslo.policy has it.

    The library changes its rules in place while it reads them, and a file that is wrong leaves them half read. So one
    enforcer follows the files, and what answers is a copy of it that is made once it has read them all.

    :param enforcer: has all rules registered, and has loaded its files
    """

    def __init__(self, enforcer: policy.Enforcer) -> None:
        self._follower = enforcer
        self._followed = enforcer.rules
        self._answering = _frozen(enforcer)
        self._lock = threading.Lock()

    def authorize(self, ctxt: RequestContext, rule: str, target: Target | None = None) -> None:
        """See allows().

        :raises Refusal: 403
        """
        if not self.allows(ctxt, rule, target):
            raise faults.Refusal(403, f"Policy doesn't allow {rule} to be performed.")

    def allows(self, ctxt: RequestContext, rule: str, target: Target | None = None) -> bool:
        """Tell whether the rule lets who asks do this.

        :param target: what it is done to; None: what is his own
        :raises Refusal: 500, the operator's rule cannot be decided
        """
        own = {'project_id': ctxt.project_id, 'user_id': ctxt.user_id}
        failure = None
        try:
            return bool(self._current().authorize(rule, own if target is None else dict(target), ctxt))
        except Exception as error:  # rules that refer to one another; an http: check whose server is away
            failure = error
        LOG.error('The rule %s of [oslo_policy]policy_file or policy_dirs cannot be decided: %s', rule,
                  ' '.join(str(failure).split()))
        raise faults.Refusal(500, f'The rule {rule} cannot be decided; the log of the server says why.')

    def is_admin(self, ctxt: RequestContext) -> bool:
        return self.allows(ctxt, base.CONTEXT_IS_ADMIN)

    def _current(self) -> policy.Enforcer:
        with self._lock:
            failure = None
            try:
                self._follower.load_rules()
            except Exception as error:  # whatever a file that is no policy makes the library raise
                failure = error
            if failure is not None:
                LOG.error('[oslo_policy]policy_file or policy_dirs: the rules stay as they were, because they cannot '
                          'be read any more: %s', ' '.join(str(failure).split()))
            elif self._follower.rules is not self._followed:
                self._answering = _frozen(self._follower)
                LOG.info('The policy files have changed; their rules are in force')
            self._followed = self._follower.rules
            return self._answering


def _frozen(enforcer: policy.Enforcer) -> policy.Enforcer:
    made = copy.copy(enforcer)
    made.use_conf = False
    return made
