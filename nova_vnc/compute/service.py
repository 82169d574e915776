# SPDX-License-Identifier: Apache-2.0
"""The compute service as a whole: the order in which it starts and stops."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import oslo_messaging
from oslo_log import log as logging

from nova_vnc import exception, objects, threads
from nova_vnc.compute import reporter as compute_reporter
from nova_vnc.compute.virt import driver as virt_driver
from nova_vnc.context import service_context
from nova_vnc.pulse import Pulse
from nova_vnc.rpc import caller, exclusive, server
from nova_vnc.rpc import compute as compute_rpc

LOG = logging.getLogger(__name__)

_ANSWER_TIMEOUT_S = 5.0


class ComputeService:
    """Runs a driver, its RPC servers and its reports (service.Service).

    :param servers: in the order in which they start; the first one's queue is the one looked at
    :param queues: of the broker; None where nobody else can be on our queues
    """

    def __init__(self, host: str, driver: virt_driver.ComputeDriver, reporter: compute_reporter.Reporter,
                 servers: Sequence[server.BackgroundServer], rpc_caller: caller.Caller,
                 queues: exclusive.BrokerQueues | None) -> None:
        self._host = host
        self._driver = driver
        self._reporter = reporter
        self._servers = servers
        self._caller = rpc_caller
        self._queues = queues
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def start(self, fail: threads.Fail) -> None:
        """Start the driver; the rest follows once it is certain that this host's name is free."""
        self._driver.start(self._reporter.report_soon, fail)
        queues = self._queues
        if queues is None:
            self._open(fail)
        else:
            threads.start('queue-watch', lambda: self._open_when_alone(queues, fail), fail)

    def pulses(self) -> Sequence[Pulse]:
        """See systemd.HasPulses. A hypervisor that hangs has deadlines of its own, and a restart would not help."""
        return [rpc_server.pulse() for rpc_server in self._servers]

    def stop(self, hurry: threading.Event) -> None:
        with self._lock:
            self._stopping.set()
        self._reporter.stop()
        server.stop_all(self._servers, hurry=hurry)
        self._driver.stop()
        self._caller.close()

    def _open_when_alone(self, queues: exclusive.BrokerQueues, fail: threads.Fail) -> None:
        # Every compute service, Nova's too, consumes this queue, and ours consumes it first: the other topic's queue
        # needs no look of its own.
        queue = f'{compute_rpc.TOPIC}.{self._host}'
        try:
            exclusive.wait_until_alone(queues, queue, self._is_answered, self._stopping)
        except exclusive.QueueInUse as error:
            doing = 'answers' if error.answers else 'does not answer, but stays connected'
            fail(f'Another compute service consumes the queue {queue} and {doing}: [DEFAULT]host = {self._host} must '
                 'be unique among the compute services. Stop the other one, or give this one another name.')
            return
        self._open(fail)

    def _open(self, fail: threads.Fail) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            LOG.info('Answering for the VMs of host %s', self._host)
            for rpc_server in self._servers:
                rpc_server.start(fail)
            # Not before: a report takes the place of that of the service whose name it carries.
            self._reporter.start(fail)

    def _is_answered(self) -> bool:
        """Ask for something that every compute service refuses, each in its way; any answer comes from a living one."""
        target = oslo_messaging.Target(topic=compute_rpc.TOPIC, server=self._host, namespace=compute_rpc.NAMESPACE,
                                       version=compute_rpc.NAMESPACE_VERSION)
        try:
            self._caller.call(target, service_context(), 'validate_console', _ANSWER_TIMEOUT_S, instance={}, host='',
                              port='', console_type=objects.CONSOLE_TYPE_NOVNC)
        except exception.ServiceUnavailable:
            return False
        except Exception as error:
            LOG.debug('Answer of the other compute service: %s', error)
        return True
