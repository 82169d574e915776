# SPDX-License-Identifier: Apache-2.0
"""The endpoints of nova-consoleauth on the bus: Nova's contract in two versions, and ours.

Public methods can be called by everybody on the bus; argument names are the contract (rpc.consoleauth).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import oslo_messaging
from oslo_log import log as logging

from nova_vnc import exception, objects
from nova_vnc.consoleauth import tokens, unreported
from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.directory.base import Entry, InstanceDirectory, Report
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.context import RequestContext
from nova_vnc.net.ceiling import Ceiling, Crowded
from nova_vnc.rpc import consoleauth as contract
from nova_vnc.rpc import errors, expiring

LOG = logging.getLogger(__name__)

_MAX_NAME_LENGTH = 512      # of a name filter: a display name with each character escaped


# As many messages of one host are handled at once even where there are few threads: a large host's report comes in
# several.
_MIN_REPORTS_OF_A_HOST = 4


def build_report_places(threads: int) -> Ceiling:
    """Return the places of messages that report instances, of which a host has an eighth of the threads at most.

    The messages of one host wait for each other, so that one that sends too many would have all threads wait.

    :param threads: of the RPC server
    """
    return Ceiling(total=threads, each=max(threads // 8, _MIN_REPORTS_OF_A_HOST))


@dataclasses.dataclass(frozen=True)
class Manager:
    """What all endpoints work on. clock: unix seconds."""

    store: TokenStore
    directory: InstanceDirectory
    checker: TokenChecker
    ttl_s: int
    report_places: Ceiling
    clock: Callable[[], float] = time.time
    watch: unreported.Watch | None = None


class NovaEndpoint:
    """Nova's methods as of version 2.1, which serves callers of 2.0 as well (Icehouse to Stein)."""

    target = oslo_messaging.Target(version=contract.NOVA_VERSION)

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    @errors.expected
    def authorize_console(self, ctxt: RequestContext, token: str, console_type: str, host: str, port: str | int,
                          internal_access_path: str | None, instance_uuid: str,
                          access_url: str | None = None) -> None:
        """Store a token.

        :raises TokenInUse: it is stored with other data; with the same data it is stored again
        :raises ConsoleTypeInvalid, InvalidInput: an argument is malformed
        """
        manager = self._manager
        given = tokens.build_authorization(
            token=token, console_type=console_type, host=host, port=port, instance_uuid=instance_uuid,
            internal_access_path=internal_access_path, access_url=access_url, now=manager.clock(),
            ttl_s=manager.ttl_s, request_id=ctxt.request_id)
        manager.store.add(given)
        LOG.info('A console of instance %s was authorized for %s s', given.instance_uuid, manager.ttl_s)
        if manager.watch is not None:
            manager.watch.authorized(given.instance_uuid)

    @errors.expected
    def check_token(self, ctxt: RequestContext, token: str) -> dict[str, Any] | None:
        """Return connect_info as a dict; None if the token is of no use, for whatever reason."""
        connect_info = self._manager.checker.check(ctxt, token).connect_info
        return connect_info.to_dict() if connect_info else None

    @errors.expected
    def delete_tokens_for_instance(self, ctxt: RequestContext, instance_uuid: str) -> None:
        uuid = objects.normalize_uuid(instance_uuid)
        if uuid is None:
            raise exception.InvalidInput(reason='instance_uuid is not a UUID')
        count = self._manager.store.delete_for_instance(uuid)
        LOG.info('Deleted the %s console tokens of instance %s', count, uuid)


class GrizzlyEndpoint(NovaEndpoint):
    """Nova's methods as of version 1.2, which serves callers of 1.0 and 1.1 as well (Essex to Havana)."""

    target = oslo_messaging.Target(version=contract.NOVA_VERSION_GRIZZLY)

    def authorize_console(self, ctxt: RequestContext, token: str, console_type: str, host: str, port: str | int,
                          internal_access_path: str | None, instance_uuid: str | None = None,
                          access_url: str | None = None) -> None:
        if instance_uuid is None:
            # Since Grizzly a token without an instance is stored but never valid: nobody can be asked whether its
            # VM is still at that port (CVE-2013-0335). So it is not stored at all.
            LOG.warning('A caller of an old release authorized a console without naming the instance; such a '
                        'console cannot be opened')
            return
        super().authorize_console(ctxt, token, console_type, host, port, internal_access_path, instance_uuid,
                                  access_url)


class NovaVNCEndpoint:
    """Our own methods."""

    target = oslo_messaging.Target(namespace=contract.NAMESPACE, version=contract.NAMESPACE_VERSION)

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._said_crowded = expiring.ExpiringSet()
        self._said_not_needed = False

    def check_token(self, ctxt: RequestContext, token: str) -> dict[str, Any]:
        """Return a TokenCheck as a dict, always."""
        try:
            answer = self._manager.checker.check(ctxt, token)
        except exception.StoreUnavailable:
            answer = objects.TokenCheck(None, objects.REASON_UNAVAILABLE)
        except Exception:
            LOG.exception('A token could not be checked')
            answer = objects.TokenCheck(None, objects.REASON_UNAVAILABLE)
        return answer.to_dict()

    def check_tokens(self, ctxt: RequestContext, checks: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
        """Return what check_token returns, of several tokens; None is of one to be asked for alone.

        Waits for no compute host longer than a moment.

        :param checks: at most MAX_CHECKS of {token, request_id}; more are None
        """
        known = [(_context_of(check.get('request_id'), ctxt), check.get('token'))
                 for check in checks[:contract.MAX_CHECKS]]
        try:
            answers = self._manager.checker.check_many(known)
        except Exception:
            LOG.exception('%s tokens could not be checked', len(known))
            answers = [objects.TokenCheck(None, objects.REASON_UNAVAILABLE) for _ in known]
        left_out = [None for _ in checks[contract.MAX_CHECKS:]]
        return [answer.to_dict() if answer else None for answer in answers] + left_out

    @errors.expected
    def get_instance(self, ctxt: RequestContext, instance_uuid: str) -> dict[str, Any]:
        """Return an instance as a dict, with host_is_silent.

        :raises InstanceNotFound: nobody has reported it
        """
        uuid = objects.normalize_uuid(instance_uuid)
        entry = self._manager.directory.get(uuid) if uuid else None
        if entry is None:
            raise exception.InstanceNotFound(instance_id=str(instance_uuid)[:tokens.MAX_LENGTH])
        return _to_dict(entry)

    @errors.expected
    def list_instances(self, ctxt: RequestContext, project_id: str | None = None, name: str | None = None,
                       limit: int = contract.MAX_PAGE, marker: str | None = None) -> list[dict[str, Any]]:
        """Return a page of instances as dicts, ordered by uuid.

        :raises MarkerNotFound: no such instance, or one of another project
        :raises InvalidInput: an argument is malformed
        """
        if not isinstance(limit, int) or limit < 0:
            raise exception.InvalidInput(reason='limit is not a number from 0')
        if project_id is not None and not _is_text(project_id, tokens.MAX_LENGTH):
            raise exception.InvalidInput(reason='project_id is no printable text of at most '
                                                f'{tokens.MAX_LENGTH} characters')
        if name is not None and not _is_text(name, _MAX_NAME_LENGTH):
            raise exception.InvalidInput(reason=f'name is no printable text of at most {_MAX_NAME_LENGTH} characters')
        last = objects.normalize_uuid(marker)
        if marker is not None and last is None:
            raise exception.MarkerNotFound(marker=str(marker)[:tokens.MAX_LENGTH])
        entries = self._manager.directory.page(project_id, name, min(limit, contract.MAX_PAGE), last)
        return [_to_dict(entry) for entry in entries]

    def report_instances(self, ctxt: RequestContext, host: str, report_number: int, total: int,
                         instances: list[dict[str, Any]]) -> None:
        """Learn what a host has. A cast, so whatever goes wrong is said here."""
        try:
            directory = self._manager.directory.reported()
            if directory is None:
                self._say_not_needed()
                return
            report = _parse_report(host, report_number, total, instances)
            with self._manager.report_places.place(report.host):
                directory.report(report)
        except exception.InvalidInput as error:
            LOG.warning('Left out a malformed report of host %.255r: %s', host, error)
        except Crowded:
            if self._said_crowded.add(host):
                LOG.warning('Left out a report of host %s, which sends more of them than can be handled', host)
        except exception.StoreUnavailable as error:
            LOG.debug('Could not store a report of host %s: %s', host, error)   # db says it once

    def _say_not_needed(self) -> None:
        if not self._said_not_needed:
            self._said_not_needed = True
            LOG.info('Compute hosts report their instances, which the instance directory does not need: Nova knows '
                     'them. nova-vnc-compute can be stopped where nova-compute runs')


def _context_of(request_id: object, ctxt: RequestContext) -> RequestContext:
    """Return the context of one of several requests in a message."""
    return RequestContext(is_admin=ctxt.is_admin, overwrite=False,
                          request_id=request_id if isinstance(request_id, str) else None)


def _parse_report(host: object, number: object, total: object, instances: object) -> Report:
    if not isinstance(host, str) or not host or not _is_text(host, tokens.MAX_LENGTH):
        raise exception.InvalidInput(reason='host is no name')
    if not isinstance(number, int) or not isinstance(total, int) or not isinstance(instances, list):
        raise exception.InvalidInput(reason='report_number, total or instances is of another type')
    if len(instances) > contract.MAX_REPORT or not 0 <= number < 2 ** 63:
        raise exception.InvalidInput(reason='too many instances in one message, or a number out of range')
    if not all(isinstance(values, dict) for values in instances):
        raise exception.InvalidInput(reason='an instance of another type')
    return Report(host, number, total, [objects.InstanceRecord.from_dict(values) for values in instances])


def _is_text(value: object, max_length: int) -> bool:
    return isinstance(value, str) and len(value) <= max_length and value.isprintable()


def _to_dict(entry: Entry) -> dict[str, Any]:
    return {**entry.instance.to_dict(), 'host_is_silent': entry.host_is_silent}
