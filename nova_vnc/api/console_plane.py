# SPDX-License-Identifier: Apache-2.0
"""What the handlers ask of the other services, and what of it a user may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from oslo_log import log as logging

from nova_vnc import exception, objects
from nova_vnc.api import ceilings
from nova_vnc.context import RequestContext
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc.consoleauth import MAX_PAGE, DirectoryEntry

LOG = logging.getLogger(__name__)

PROTOCOL_VNC = 'vnc'
PROTOCOL_RDP = 'rdp'

# nova.compute.api.API.get_vnc_console: the VM is about to leave its host.
_REFUSED_TASK_STATES = ('deleting', 'migrating')


class ConsoleAuth(Protocol):
    """The part of rpc.consoleauth.ConsoleAuthAPI that is used here."""

    def get_instance(self, ctxt: RequestContext, instance_uuid: str,
                     deadline: Deadline | None = None) -> DirectoryEntry: ...

    def list_instances(self, ctxt: RequestContext, project_id: str | None = None, name: str | None = None,
                       limit: int = MAX_PAGE, marker: str | None = None,
                       deadline: Deadline | None = None) -> list[DirectoryEntry]: ...

    def authorize_console(self, ctxt: RequestContext, info: objects.ConnectInfo,
                          deadline: Deadline | None = None) -> None: ...

    def check_token(self, ctxt: RequestContext, token: str,
                    deadline: Deadline | None = None) -> objects.TokenCheck: ...


class Compute(Protocol):
    """The part of rpc.compute.ComputeAPI that is used here."""

    def get_vnc_console(self, ctxt: RequestContext, instance: objects.InstanceRecord, console_type: str,
                        deadline: Deadline | None = None) -> dict[str, Any]: ...


class ConsolePlane:
    """Every call raises ServiceUnavailable when there is no answer by its deadline. Thread-safe.

    :param places: of calls that may wait for compute hosts
    """

    def __init__(self, consoleauth: ConsoleAuth, compute: Compute, places: ceilings.Ceilings) -> None:
        self._consoleauth = consoleauth
        self._compute = compute
        self._places = places

    def get_instance(self, ctxt: RequestContext, instance_id: str, deadline: Deadline) -> DirectoryEntry:
        """Return a VM that the user may see.

        :raises InstanceNotFound: there is none, or it is not the user's: the two are not told apart
        """
        uuid = objects.normalize_uuid(instance_id)
        not_found = exception.InstanceNotFound(instance_id=instance_id)
        if uuid is None:
            raise not_found
        try:
            entry = self._consoleauth.get_instance(ctxt, uuid, deadline)
        except exception.InstanceNotFound:
            raise not_found from None
        if not _may_see(ctxt, entry.instance):
            raise not_found
        return entry

    def iterate_instances(self, ctxt: RequestContext, project_id: str | None, name: str | None, page_size: int,
                          marker: str | None, deadline: Deadline) -> Iterator[DirectoryEntry]:
        """Yield VMs in the order of their uuids, fetching them page by page.

        Whose servers he may list is for the caller to know.

        :param project_id: only this project's; None: all
        :param name: only those whose display name matches it, in the directory's understanding of Nova's filter
        :raises MarkerNotFound: no VM has this uuid
        """
        while True:
            page = self._consoleauth.list_instances(ctxt, project_id=project_id, name=name, limit=page_size,
                                                    marker=marker, deadline=deadline)
            yield from page
            if len(page) < page_size:
                return
            marker = page[-1].instance.uuid

    def create_console(self, ctxt: RequestContext, entry: DirectoryEntry, protocol: str, console_type: str,
                       deadline: Deadline) -> str:
        """Return the URL of a new console of a VM that get_instance() has returned.

        :raises HostSilent: at once, where the VM's host is known not to answer
        :raises Refusal: too many wait for the host
        :raises InstanceNotFound, InstanceNotReady, InstanceInvalidState: the VM's part
        :raises ConsoleTypeInvalid, ConsoleTypeUnavailable: there are no consoles of this kind, or none for this VM
        """
        instance = entry.instance
        if protocol != PROTOCOL_VNC:
            raise exception.ConsoleTypeUnavailable(console_type=console_type)
        _check_state(instance)
        if entry.host_is_silent:
            raise exception.HostSilent(host=instance.host)
        with self._places.call_of(instance.host):
            answer = self._compute.get_vnc_console(ctxt, instance, console_type, deadline)
        info = _connect_info(answer, instance.uuid, console_type)
        self._consoleauth.authorize_console(ctxt, info, deadline)
        LOG.info('Gave out a %s console of instance %s on host %s', console_type, instance.uuid, instance.host)
        return str(info.access_url)

    def check_token(self, ctxt: RequestContext, token: str, deadline: Deadline) -> objects.ConnectInfo | None:
        """Return what a console token stands for; None: it opens nothing.

        :raises StoreUnavailable: the tokens cannot be read now
        """
        with self._places.call_of(None):    # consoleauth asks the VM's host, whichever that is
            check = self._consoleauth.check_token(ctxt, token, deadline)
        if check.reason == objects.REASON_HOST_SILENT:
            raise exception.ServiceUnavailable(service='compute')
        if check.reason == objects.REASON_UNAVAILABLE:
            raise exception.StoreUnavailable(reason='consoleauth cannot read it')
        return check.connect_info


def _may_see(ctxt: RequestContext, instance: objects.InstanceRecord) -> bool:
    if ctxt.is_admin:
        return True
    return instance.project_id is not None and instance.project_id == ctxt.project_id


def _check_state(instance: objects.InstanceRecord) -> None:
    if not instance.host:
        raise exception.InstanceNotReady(instance_id=instance.uuid)
    if instance.task_state in _REFUSED_TASK_STATES:
        raise exception.InstanceInvalidState(instance_uuid=instance.uuid, attr='task_state',
                                             state=instance.task_state, method='get_vnc_console')


def _connect_info(answer: Mapping[str, Any], instance_uuid: str, console_type: str) -> objects.ConnectInfo:
    """:raises InvalidConnectionInfo: what the compute service answered is of no use"""
    info = objects.ConnectInfo.from_dict(
        {**answer, 'instance_uuid': instance_uuid, 'console_type': console_type})
    if not info.token or not info.access_url:
        raise exception.InvalidConnectionInfo()
    return info
