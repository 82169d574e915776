# SPDX-License-Identifier: Apache-2.0
"""The contract of nova-consoleauth: topic `consoleauth`, on a queue that several processes share.

Without a namespace: Nova's methods of versions 1.2, 2.0 and 2.1 (Grizzly to Stein). In the namespace `nova_vnc`: ours;
1.1 added check_tokens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import oslo_messaging
from oslo_log import log as logging

from nova_vnc import exception, objects
from nova_vnc.context import RequestContext
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller, expiring, extensions, upgrade_levels

LOG = logging.getLogger(__name__)

TOPIC = 'consoleauth'
NAMESPACE = 'nova_vnc'
NAMESPACE_VERSION = '1.1'
NOVA_VERSION = '2.1'
NOVA_VERSION_ICEHOUSE = '2.0'
NOVA_VERSION_GRIZZLY = '1.2'
MAX_PAGE = 1000          # entries of any reply
MAX_REPORT = 500         # instances of one report_instances message
MAX_CHECKS = 64          # tokens of one check_tokens message

# What [upgrade_levels]consoleauth may say instead of a version (nova.consoleauth.rpcapi, VERSION_ALIASES, which ends
# with newton; the contract has not changed since Kilo).
_RELEASES = {
    'grizzly': '1.2', 'havana': '1.2', 'icehouse': '2.0', 'juno': '2.0', 'kilo': '2.1', 'liberty': '2.1',
    'mitaka': '2.1', 'newton': '2.1', 'ocata': '2.1', 'pike': '2.1', 'queens': '2.1', 'rocky': '2.1', 'stein': '2.1',
}
# Who has taken a question and was killed does not answer, and another one of the queue may. This is longer than a
# database that answers takes, and what is left of ten seconds is longer than one is waited for that does not (5 s).
_ASK_AGAIN_AFTER_S = 3.0

# The check of a token takes longer where its compute host hangs: that is waited for 5 s (consoleauth.checker).
_CHECK_AGAIN_AFTER_S = 5.5

# What it stands for is answered at once: neither a database nor a compute host is asked.
_NO_TOKEN = ''

# Below it there is no deletion of tokens, and no way to name the instance.
_LEAST_VERSION = (1, 2)

# Each method is sent with the version that it came with.
_TARGET = oslo_messaging.Target(topic=TOPIC, namespace=NAMESPACE, version='1.0')
_TARGET_1_1 = oslo_messaging.Target(topic=TOPIC, namespace=NAMESPACE, version='1.1')


def version_to_send(upgrade_level: str | None) -> str:
    """Return the version of Nova's methods to send, for a value of [upgrade_levels]consoleauth.

    :raises ConfigurationError: neither a version, nor the name of a release, or one that lacks what is needed here
    """
    if not (upgrade_level or '').strip():
        return NOVA_VERSION
    version = upgrade_levels.parse('consoleauth', upgrade_level, _RELEASES)
    if version < _LEAST_VERSION:
        raise exception.ConfigurationError(
            reason=f'[upgrade_levels]consoleauth = {upgrade_level}: below 1.2 (grizzly) is not spoken here')
    if version < (2, 0):
        return NOVA_VERSION_GRIZZLY
    return NOVA_VERSION if version >= (2, 1) else NOVA_VERSION_ICEHOUSE


class ConsoleAuthAPI:
    """Client of nova-consoleauth.

    :param version: of Nova's methods, as version_to_send() returns it

    Every call raises ServiceUnavailable when there is no answer in timeout_s, or by the deadline that it is given
    instead, which may have been running for other calls before. What may be done twice is asked a second time within
    that: get_instance, list_instances, authorize_console, and check_token of one of ours.
    """

    def __init__(self, rpc_caller: caller.Caller, timeout_s: float = 10.0, version: str = NOVA_VERSION) -> None:
        self._caller = rpc_caller
        self._timeout_s = timeout_s
        self._nova_target = oslo_messaging.Target(topic=TOPIC, version=version)
        self._knows_access_url = version == NOVA_VERSION
        self._extensions = extensions.Extensions()
        # One of ours of another release says no with one line in its log, so it is asked more often.
        self._extensions_1_1 = extensions.Extensions(ask_again_s=expiring.REMEMBER_S)
        self._said_foreign = False
        self._report_number = 0

    def authorize_console(self, ctxt: RequestContext, info: objects.ConnectInfo,
                          deadline: Deadline | None = None) -> None:
        """Store a token.

        :raises TokenInUse: the token is stored with other data
        :raises InvalidInput: a field is malformed
        """
        newest: dict[str, Any] = {'access_url': info.access_url} if self._knows_access_url else {}
        self._ask_twice(self._nova_target, ctxt, 'authorize_console', deadline, token=info.token,
                        console_type=info.console_type, host=info.host, port=info.port,
                        internal_access_path=info.internal_access_path, instance_uuid=info.instance_uuid, **newest)

    def check_token(self, ctxt: RequestContext, token: str, deadline: Deadline | None = None) -> objects.TokenCheck:
        """Ask what a token stands for; of a real nova-consoleauth, if that is what answers.

        :raises InvalidConnectionInfo: the answer cannot be used
        """
        deadline = deadline or Deadline(self._timeout_s)

        def ask() -> Any:
            return self._ask_twice(_TARGET, ctxt, 'check_token', deadline, _CHECK_AGAIN_AFTER_S, token=token)

        def probe() -> None:
            self._caller.call(_TARGET, ctxt, 'check_token', min(_ASK_AGAIN_AFTER_S, deadline.remaining()),
                              token=_NO_TOKEN)
        try:
            return objects.TokenCheck.from_dict(self._extensions.call(TOPIC, ask, deadline, probe))
        except caller.UnknownMethod:
            self._say_foreign()
        info = self._caller.call(self._nova_target, ctxt, 'check_token', deadline.remaining(), token=token)
        if not info:
            return objects.TokenCheck(None, objects.REASON_INVALID)
        return objects.TokenCheck(objects.ConnectInfo.from_dict(info))

    def may_check_tokens(self) -> bool:
        """Tell whether check_tokens() is worth trying; never of one that is not known to be ours."""
        return self._extensions.are_known_to(TOPIC) and self._extensions_1_1.may_be_known_to(TOPIC)

    def check_tokens(self, checks: Sequence[tuple[RequestContext, str]],
                     deadline: Deadline | None = None) -> list[objects.TokenCheck | None]:
        """Ask what several tokens stand for, each for a request of its own. The answers come soon, in the same order.

        None: the answer is still under way, or cannot be used. check_token() has it, or says what is wrong.

        :raises UnknownMethod: it is of an older release
        """
        deadline = deadline or Deadline(self._timeout_s)
        wanted = [{'token': token, 'request_id': ctxt.request_id} for ctxt, token in checks]
        answers = self._extensions_1_1.call(TOPIC, lambda: self._caller.call(
            _TARGET_1_1, checks[0][0], 'check_tokens', deadline.remaining(), checks=wanted), deadline)
        return [_read_check(answer) for answer in answers]

    def delete_tokens_for_instance(self, ctxt: RequestContext, instance_uuid: str,
                                   deadline: Deadline | None = None) -> None:
        self._caller.cast(self._nova_target, ctxt, 'delete_tokens_for_instance', self._seconds(deadline),
                          instance_uuid=instance_uuid)

    def get_instance(self, ctxt: RequestContext, instance_uuid: str,
                     deadline: Deadline | None = None) -> DirectoryEntry:
        """:raises InstanceNotFound: nobody reported it"""
        return DirectoryEntry(self._ask_twice(_TARGET, ctxt, 'get_instance', deadline, instance_uuid=instance_uuid))

    def list_instances(self, ctxt: RequestContext, project_id: str | None = None, name: str | None = None,
                       limit: int = MAX_PAGE, marker: str | None = None,
                       deadline: Deadline | None = None) -> list[DirectoryEntry]:
        """Return a page, ordered by uuid.

        :param project_id: only this project's; None: all
        :param name: only those whose display name matches this regular expression, as Nova's `name` filter
        :param marker: uuid of the last entry of the page before
        :raises MarkerNotFound: no such entry
        """
        return [DirectoryEntry(entry) for entry in self._ask_twice(
            _TARGET, ctxt, 'list_instances', deadline, project_id=project_id, name=name, limit=limit, marker=marker)]

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

    def takes_reports(self, ctxt: RequestContext, deadline: Deadline | None = None) -> bool:
        """Tell whether it knows our methods, by one of them; a real one says no, with a traceback in its log."""
        try:
            self._caller.call(_TARGET, ctxt, 'check_token', self._seconds(deadline), token=_NO_TOKEN)
        except caller.UnknownMethod as error:
            return error.is_contract_known
        return True

    def _ask_twice(self, target: oslo_messaging.Target, ctxt: RequestContext, method: str, deadline: Deadline | None,
                   after_s: float = _ASK_AGAIN_AFTER_S, **arguments: Any) -> Any:
        deadline = deadline or Deadline(self._timeout_s)
        first_s = min(after_s, deadline.remaining())
        try:
            return self._caller.call(target, ctxt, method, first_s, **arguments)
        except caller.NoAnswer:
            if deadline.expired():
                raise
            LOG.info('No nova-consoleauth has answered %s within %.1f s: asking again', method, first_s)
        return self._caller.call(target, ctxt, method, deadline.remaining(), **arguments)

    def _say_foreign(self) -> None:
        if not self._said_foreign:
            self._said_foreign = True
            LOG.info("The nova-consoleauth of this cloud is Nova's own. What it does not tell is left out: the name of "
                     'a VM in the title of its console, why a console with a valid token does not open, and the id of '
                     'the request that asked for it. It is asked again in a day, or after a restart of this service')

    def _seconds(self, deadline: Deadline | None) -> float:
        return self._timeout_s if deadline is None else deadline.remaining()


def _read_check(answer: dict[str, Any] | None) -> objects.TokenCheck | None:
    if answer is None:
        return None
    try:
        return objects.TokenCheck.from_dict(answer)
    except exception.InvalidConnectionInfo:
        return None


class DirectoryEntry:
    """A VM of the directory, and whether its host still reports."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.instance = objects.InstanceRecord.from_dict(values)
        self.host_is_silent = bool(values.get('host_is_silent'))
