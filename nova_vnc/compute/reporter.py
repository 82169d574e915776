# SPDX-License-Identifier: Apache-2.0
"""Tells nova-consoleauth which VMs this host has."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from oslo_log import log as logging

from nova_vnc import exception, objects, threads
from nova_vnc.context import service_context
from nova_vnc.rpc import consoleauth

LOG = logging.getLogger(__name__)

# A host that boots starts its VMs within seconds of each other.
_SETTLE_S = 0.5
# A guest that crashes and is started again in a loop is news all the time.
_MIN_INTERVAL_S = 1.0
# After a report that could not be sent: soon enough for users who wait for the broker to return.
_RETRY_S = 5.0
# The broker drops a report for which nova-consoleauth has no queue yet, as when both have just started or the broker
# has just returned; nobody would know. So the first reports follow each other at _RETRY_S too.
_FOLLOW_UPS = 5


class Reporter:
    """Sends full reports: some at start, after changes, and periodically. Nobody waits for an answer.

    One report at a time, and none is kept: after a time without a broker the next one says what is so then. While the
    hypervisor cannot be asked there is none, because an empty report would mean that the VMs are gone; the host goes
    silent instead. Stopping reports nothing: the VMs go on.

    :param list_instances: ComputeDriver.list_instances
    :param listens: whether anybody takes reports, as Audience.listens
    :param host: [DEFAULT]host
    :param interval_s: longest time between two reports
    :param min_interval_s: shortest time between two reports; the first news after a quiet time waits settle_s only
    :param clock: seconds
    """

    def __init__(self, list_instances: Callable[[], list[objects.InstanceRecord]],
                 consoleauth_api: consoleauth.ConsoleAuthAPI, host: str, interval_s: float, *,
                 listens: Callable[[], bool | None] = lambda: True,
                 settle_s: float = _SETTLE_S, min_interval_s: float = _MIN_INTERVAL_S, retry_s: float = _RETRY_S,
                 follow_ups: int = _FOLLOW_UPS, clock: Callable[[], float] = time.monotonic) -> None:
        self._list_instances = list_instances
        self._consoleauth_api = consoleauth_api
        self._listens = listens
        self._host = host
        self._interval_s = interval_s
        self._settle_s = settle_s
        self._min_interval_s = min_interval_s
        self._clock = clock
        self._retry_s = min(retry_s, interval_s)
        self._follow_ups = follow_ups
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._failing = False

    def start(self, fail: threads.Fail) -> None:
        threads.start('reporter', self._run, fail, self._stopping.is_set)

    def stop(self) -> None:
        """Send no further report; waits for nobody. May be called without start()."""
        self._stopping.set()
        self._news.set()

    def report_soon(self) -> None:
        """Send a report shortly, one for all calls of that time. May be called before start()."""
        self._news.set()

    def _run(self) -> None:
        follow_ups = self._follow_ups
        while not self._stopping.is_set():
            self._news.clear()
            reported_at = self._clock()
            is_sent = self._report()
            follow_ups = follow_ups - 1 if is_sent else self._follow_ups
            self._news.wait(self._retry_s if follow_ups >= 0 else self._interval_s)
            self._stopping.wait(max(self._settle_s, self._min_interval_s - (self._clock() - reported_at)))

    def _report(self) -> bool:
        """Send one report and tell whether the next one can wait for news."""
        try:
            listens = self._listens()
            if not listens:
                return listens is False
            records = [dataclasses.replace(instance, host=self._host) for instance in self._list_instances()]
            self._consoleauth_api.report_instances(service_context(), self._host, records)
        except exception.HypervisorUnavailable:
            return True   # the driver says so in the log, and calls report_soon() when that is over
        except Exception as error:
            self._say_failed(error)
            return False
        if self._failing:
            LOG.info('The VMs of this host are reported again')
        self._failing = False
        LOG.debug('Reported %d instances', len(records))
        return True

    def _say_failed(self, error: Exception) -> None:
        if not self._failing:
            LOG.warning('Cannot report the VMs of this host to nova-consoleauth, will keep trying: %s', error)
        self._failing = True
