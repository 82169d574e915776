# SPDX-License-Identifier: Apache-2.0
"""The contract of nova-consoleauth: topic `consoleauth`, on a queue that several processes share.

Without a namespace: Nova's methods of versions 1.2, 2.0 and 2.1 (Grizzly to Stein). In the namespace `nova_vnc`: ours.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import oslo_messaging

from nova_vnc import objects
from nova_vnc.context import RequestContext
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller, expiring

TOPIC = 'consoleauth'
NAMESPACE = 'nova_vnc'
NAMESPACE_VERSION = '1.0'
NOVA_VERSION = '2.1'
NOVA_VERSION_GRIZZLY = '1.2'
MAX_PAGE = 1000          # entries of any reply
MAX_REPORT = 500         # instances of one report_instances message

_NOVA_TARGET = oslo_messaging.Target(topic=TOPIC, version=NOVA_VERSION)
_TARGET = oslo_messaging.Target(topic=TOPIC, namespace=NAMESPACE, version=NAMESPACE_VERSION)


class ConsoleAuthAPI:
    """Client of nova-consoleauth.

    Every call raises ServiceUnavailable when there is no answer in timeout_s, or by the deadline that it is given
    instead, which may have been running for other calls before.
    """

    def __init__(self, rpc_caller: caller.Caller, timeout_s: float = 10.0) -> None:
        self._caller = rpc_caller
        self._timeout_s = timeout_s
        self._without_namespace = expiring.ExpiringSet()
        self._report_number = 0

    def authorize_console(self, ctxt: RequestContext, info: objects.ConnectInfo,
                          deadline: Deadline | None = None) -> None:
        """Store a token.

        :raises TokenInUse: the token is stored with other data
        :raises InvalidInput: a field is malformed
        """
        self._caller.call(_NOVA_TARGET, ctxt, 'authorize_console', self._seconds(deadline), token=info.token,
                          console_type=info.console_type, host=info.host, port=info.port,
                          internal_access_path=info.internal_access_path, instance_uuid=info.instance_uuid,
                          access_url=info.access_url)

    def check_token(self, ctxt: RequestContext, token: str, deadline: Deadline | None = None) -> objects.TokenCheck:
        """Ask what a token stands for; of a real nova-consoleauth, if that is what answers.

        :raises InvalidConnectionInfo: the answer cannot be used
        """
        deadline = deadline or Deadline(self._timeout_s)
        if TOPIC not in self._without_namespace:
            try:
                return objects.TokenCheck.from_dict(
                    self._caller.call(_TARGET, ctxt, 'check_token', deadline.remaining(), token=token))
            except caller.UnknownMethod:
                self._without_namespace.add(TOPIC)
        info = self._caller.call(_NOVA_TARGET, ctxt, 'check_token', deadline.remaining(), token=token)
        if not info:
            return objects.TokenCheck(None, objects.REASON_INVALID)
        return objects.TokenCheck(objects.ConnectInfo.from_dict(info))

    def delete_tokens_for_instance(self, ctxt: RequestContext, instance_uuid: str,
                                   deadline: Deadline | None = None) -> None:
        self._caller.cast(_NOVA_TARGET, ctxt, 'delete_tokens_for_instance', self._seconds(deadline),
                          instance_uuid=instance_uuid)

    def get_instance(self, ctxt: RequestContext, instance_uuid: str,
                     deadline: Deadline | None = None) -> DirectoryEntry:
        """:raises InstanceNotFound: nobody reported it"""
        return DirectoryEntry(self._caller.call(_TARGET, ctxt, 'get_instance', self._seconds(deadline),
                                                instance_uuid=instance_uuid))

    def list_instances(self, ctxt: RequestContext, project_id: str | None = None, name: str | None = None,
                       limit: int = MAX_PAGE, marker: str | None = None,
                       deadline: Deadline | None = None) -> list[DirectoryEntry]:
        """Return a page, ordered by uuid.

        :param project_id: only this project's; None: all
        :param name: only those whose display name matches this regular expression, as Nova's `name` filter
        :param marker: uuid of the last entry of the page before
        :raises MarkerNotFound: no such entry
        """
        return [DirectoryEntry(entry) for entry in self._caller.call(
            _TARGET, ctxt, 'list_instances', self._seconds(deadline), project_id=project_id, name=name, limit=limit,
            marker=marker)]

    def report_instances(self, ctxt: RequestContext, host: str, instances: Sequence[objects.InstanceRecord],
                         deadline: Deadline | None = None) -> None:
        """Tell which VMs a host has: these and no others. Casts, as many as it takes.

        One thread at a time may report for a host.

        :raises ServiceUnavailable: not all of it could be handed to the broker; the next report makes up for it
        """
        by_uuid = {record.uuid: record.to_dict() for record in instances}
        # A later report has a greater number, also after a restart of the sender. Messages may be handled in any
        # order, by several processes: the number tells which report is newer, the total when one is complete.
        self._report_number = max(self._report_number + 1, int(time.time() * 1000))
        entries = list(by_uuid.values())
        for start in range(0, len(entries) or 1, MAX_REPORT):
            self._caller.cast(_TARGET, ctxt, 'report_instances', self._seconds(deadline), host=host,
                              report_number=self._report_number, total=len(entries),
                              instances=entries[start:start + MAX_REPORT])

    def _seconds(self, deadline: Deadline | None) -> float:
        return self._timeout_s if deadline is None else deadline.remaining()


class DirectoryEntry:
    """A VM of the directory, and whether its host still reports."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.instance = objects.InstanceRecord.from_dict(values)
        self.host_is_silent = bool(values.get('host_is_silent'))
