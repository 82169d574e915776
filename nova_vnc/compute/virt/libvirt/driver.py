# SPDX-License-Identifier: Apache-2.0
"""The compute driver for libvirt: always on the way to a connection, and never waiting long for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from oslo_log import log as logging

from nova_vnc import concurrency, exception, objects, threads
from nova_vnc.compute.virt import driver
from nova_vnc.compute.virt.libvirt import domain, native_calls, wakeup

if TYPE_CHECKING:
    from nova_vnc.compute.virt.libvirt import connection

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# Between two attempts to connect; also after a connection was lost, which may happen at once again.
_RETRY_S = 2.0

# An RPC answer takes one such request, and its caller waits 5 s.
_REQUEST_TIMEOUT_S = 3.0
_MAX_REQUESTS = 8
# A list of hundreds of domains, on a host that is busy starting them.
_LIST_TIMEOUT_S = 30.0

_DEFAULT_URI = 'qemu:///system'
_URI_BY_VIRT_TYPE = {'lxc': 'lxc:///', 'parallels': 'parallels:///system', 'uml': 'uml:///system',
                     'xen': 'xen:///system'}


class LibvirtDriver(driver.ComputeDriver):
    """The VMs of one libvirt host.

    A (green) thread of its own opens the connection, opens it again whenever it is lost, and passes on what libvirt's
    event loop has to tell. Requests use the connection that is there, or fail at once.

    :param uri: as `virsh -c` takes it
    :param vnc_host: address of this host at which the proxy reaches VNC servers
    :param open_connection: connection.Connection
    :param start_event_loop: connection.start_event_loop
    """

    def __init__(self, uri: str, vnc_host: str,
                 open_connection: Callable[[str, Callable[[], None]], connection.Connection],
                 start_event_loop: Callable[[threads.Fail], None]) -> None:
        self._uri = uri
        self._vnc_host = vnc_host
        self._open_connection = open_connection
        self._start_event_loop = start_event_loop
        self._connection: connection.Connection | None = None
        self._wakeup = wakeup.Wakeup()
        self._stopping = threading.Event()
        # Apart from each other, so that lists that hang leave places for requests.
        self._requests = native_calls.NativeCalls(_MAX_REQUESTS)
        self._lists = native_calls.NativeCalls(1)
        self._last_known: dict[str, objects.InstanceRecord] = {}     # of the last list, by uuid
        self._unreadable: set[str] = set()

    def start(self, on_change: Callable[[], None], fail: threads.Fail) -> None:
        self._start_event_loop(fail)
        threads.start('libvirt-connection', lambda: self._keep_connected(on_change), fail, self._stopping.is_set)

    def stop(self) -> None:
        self._stopping.set()
        self._wakeup.set()

    def list_instances(self) -> list[objects.InstanceRecord]:
        described = self._ask(self._lists, _LIST_TIMEOUT_S, lambda open_one: open_one.list_domains())
        records = [record for record in map(self._read, described) if record is not None]
        self._last_known = {record.uuid: record for record in records}
        self._say_unreadable({one.uuid: one.error for one in described if one.xml is None})
        return records

    def _read(self, described: domain.Description) -> objects.InstanceRecord | None:
        if described.xml is not None:
            return domain.read_instance(described.xml, described.state)
        # Left out, it would be taken for a VM that this host does not have any more.
        return self._last_known.get(described.uuid) or domain.of_unknown_state(described)

    def _say_unreadable(self, errors: dict[str, str]) -> None:
        for uuid in errors.keys() - self._unreadable:
            LOG.warning('libvirt at %s does not describe instance %s, which is reported as it was last: %s', self._uri,
                        uuid, errors[uuid])
        for uuid in self._unreadable & self._last_known.keys() - errors.keys():
            LOG.info('libvirt at %s describes instance %s again', self._uri, uuid)
        self._unreadable = set(errors)

    def get_vnc_console(self, instance_uuid: str) -> objects.VNCServerAddress:
        uuid = objects.normalize_uuid(instance_uuid)
        if uuid is None:
            raise exception.InstanceNotFound(instance_id=instance_uuid)
        xml = self._ask(self._requests, _REQUEST_TIMEOUT_S, lambda open_one: open_one.get_domain_xml(uuid))
        return objects.VNCServerAddress(host=self._vnc_host, port=domain.read_vnc_port(xml, uuid))

    def _ask(self, calls: native_calls.NativeCalls, timeout_s: float,
             question: Callable[[connection.Connection], T]) -> T:
        open_one = self._connection
        if open_one is None:
            raise exception.HypervisorUnavailable(reason='not connected')
        try:
            return calls.run(lambda: question(open_one), timeout_s)
        except TimeoutError:
            LOG.warning('libvirt at %s does not answer within %s s', self._uri, timeout_s)
            raise exception.HypervisorUnavailable(reason='no answer') from None
        except exception.HypervisorUnavailable as error:
            LOG.warning('libvirt at %s: %s', self._uri, error.kwargs['reason'])
            raise

    def _keep_connected(self, on_change: Callable[[], None]) -> None:
        said = ''
        while not self._stopping.is_set():
            try:
                opened = concurrency.run_native(self._open_connection, self._uri, self._wakeup.set)
            except exception.HypervisorUnavailable as error:
                reason = str(error.kwargs['reason'])
                if reason != said:
                    LOG.warning('Cannot reach libvirt at %s, will keep trying: %s', self._uri, reason)
                said = reason
            else:
                said = ''
                self._use(opened, on_change)
            self._stopping.wait(_RETRY_S)

    def _use(self, opened: connection.Connection, on_change: Callable[[], None]) -> None:
        """Offer a connection to requests until it is lost or the driver stops."""
        LOG.info('Connected to libvirt at %s', self._uri)
        self._connection = opened
        while not self._stopping.is_set() and not opened.is_lost:
            on_change()
            self._wakeup.wait()
        self._connection = None
        if not self._stopping.is_set():
            LOG.warning('Lost the connection to libvirt at %s', self._uri)
        # It may hang with the daemon; nobody waits for it, and the next connection does not need it gone.
        threading.Thread(target=concurrency.run_native, args=(opened.close,), name='libvirt-close',
                         daemon=True).start()


def build_driver(conf: Any) -> LibvirtDriver:
    """Return the driver for [libvirt] and [vnc]server_proxyclient_address.

    :raises ConfigurationError: libvirt-python is not installed
    """
    try:
        from nova_vnc.compute.virt.libvirt import connection
    except ImportError as error:
        raise exception.ConfigurationError(
            reason=f'[DEFAULT]compute_driver = {conf.compute_driver} needs libvirt-python, which is not installed '
                   f'({error}); pip install nova-vnc[libvirt] brings it') from None
    uri = conf.libvirt.connection_uri or _URI_BY_VIRT_TYPE.get(conf.libvirt.virt_type, _DEFAULT_URI)
    return LibvirtDriver(uri, conf.vnc.server_proxyclient_address, connection.Connection, connection.start_event_loop)
