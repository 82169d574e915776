# SPDX-License-Identifier: Apache-2.0
"""Whether there is anybody who takes the reports of this host.

Nova's own nova-consoleauth refuses each with a traceback in its log, and who sends a cast is not told. So it is asked,
by a call, and from time to time again: it may have been replaced.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Protocol

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.context import RequestContext, service_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller

LOG = logging.getLogger(__name__)

# How soon it is noticed that another nova-consoleauth has come.
_ASK_ONE_OF_OURS_AGAIN_S = 300.0
_ASK_NOVAS_AGAIN_S = 3600.0
# So that the hosts of a cloud do not all ask at once; a part of the time.
_SPREAD = 0.1
# While it does not answer, what is known of it still holds.
_ASK_SILENT_AGAIN_S = 60.0
_ANSWER_TIMEOUT_S = 3.0
# It may be started after this service.
_SILENCES_BEFORE_A_WORD = 3


class ConsoleAuth(Protocol):
    """The part of rpc.consoleauth.ConsoleAuthAPI that is used here."""

    def takes_reports(self, ctxt: RequestContext, deadline: Deadline | None = None) -> bool: ...


class Audience:
    """Asked by one thread.

    :param spread: returns a number from 0 to 1
    """

    def __init__(self, consoleauth_api: ConsoleAuth, clock: Callable[[], float] = time.monotonic,
                 spread: Callable[[], float] = random.random) -> None:
        self._consoleauth_api = consoleauth_api
        self._clock = clock
        self._spread = spread
        self._listens: bool | None = None
        self._ask_at = clock()
        self._silences = 0

    def listens(self) -> bool | None:
        """Tell whether reports are taken; None: not known yet, since nobody answers. Takes seconds at most."""
        if self._listens is None or self._clock() >= self._ask_at:
            self._ask()
        return self._listens

    def _ask(self) -> None:
        try:
            listens = self._consoleauth_api.takes_reports(service_context(), Deadline(_ANSWER_TIMEOUT_S))
        except exception.ServiceUnavailable as error:
            self._ask_at = self._clock() + _ASK_SILENT_AGAIN_S
            if isinstance(error, caller.NoAnswer) and self._listens is None:
                self._silences += 1
                if self._silences == _SILENCES_BEFORE_A_WORD:
                    LOG.warning('nova-consoleauth does not answer; the VMs of this host are reported once it does')
            return
        interval_s = _ASK_ONE_OF_OURS_AGAIN_S if listens else _ASK_NOVAS_AGAIN_S
        self._ask_at = self._clock() + interval_s * (1 - _SPREAD * self._spread())
        if listens is False and self._listens is not False:
            LOG.info("The nova-consoleauth of this cloud is Nova's own, which takes no reports: the VMs of this host "
                     'are not reported. It is asked again within an hour')
        elif listens and self._listens is False:
            LOG.info('There is a nova-consoleauth that takes reports now')
        self._listens = listens


class Nobody:
    """[compute]report_instances = never."""

    def listens(self) -> bool:
        return False
