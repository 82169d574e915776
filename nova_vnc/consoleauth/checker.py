# SPDX-License-Identifier: Apache-2.0
"""What a token stands for now: it must be valid, its VM known, and the VM's console still where it was."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures

from oslo_log import log as logging

from nova_vnc import exception, objects
from nova_vnc.consoleauth import tokens
from nova_vnc.consoleauth.directory.base import Entry, InstanceDirectory
from nova_vnc.consoleauth.host_checks import HostChecks
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.context import RequestContext
from nova_vnc.net.deadline import Deadline

LOG = logging.getLogger(__name__)

# The caller waits 8 s in all. A host that has gone silent may still answer, but hardly late.
_COMPUTE_TIMEOUT_S = 5.0
_SILENT_COMPUTE_TIMEOUT_S = 2.0
# Of those who asked together nobody waits for another one's host for longer.
_PATIENCE_S = 0.2


_Found = Mapping[str, tokens.Authorization | None]
_Entries = Mapping[str, Entry | None]


class TokenChecker:
    """:param clock: unix seconds
    :param shared_reads: for store and directory, where they have something to share: Database.shared_reads
    """

    def __init__(self, store: TokenStore, directory: InstanceDirectory, hosts: HostChecks, ttl_s: int,
                 clock: Callable[[], float] = time.time, *,
                 shared_reads: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext) -> None:
        self._store = store
        self._directory = directory
        self._hosts = hosts
        self._ttl_s = ttl_s
        self._clock = clock
        self._shared_reads = shared_reads

    def check(self, ctxt: RequestContext, token: object) -> objects.TokenCheck:
        """Return connect_info, or the reason why not.

        :raises StoreUnavailable: what is stored cannot be read now
        """
        if not tokens.is_token(token):
            return objects.TokenCheck(None, objects.REASON_INVALID)
        found, entry = self._look_up(str(token))
        if found is None:
            return objects.TokenCheck(None, objects.REASON_INVALID)
        return self._answer(found, entry, self._find_obstacle(ctxt, found, entry))

    def check_many(self, checks: Sequence[tuple[RequestContext, object]],
                   patience_s: float = _PATIENCE_S) -> list[objects.TokenCheck | None]:
        """As check(), of several tokens, in their order; those whose hosts have not answered by then are None.

        A token whose data cannot be read now has REASON_UNAVAILABLE.
        """
        wanted = list(dict.fromkeys(str(token) for _, token in checks if tokens.is_token(token)))
        try:
            found, entries = self._look_up_many(wanted)
        except exception.StoreUnavailable:
            found, entries = {}, {}
        begun = []
        for ctxt, token in checks:
            ctxt.update_store()     # what is logged meanwhile is of this request
            begun.append(self._begin(ctxt, token, found, entries))
        futures.wait([answer for answer in begun if isinstance(answer, futures.Future)], patience_s)
        answers = []
        for (ctxt, token), answer in zip(checks, begun, strict=True):
            ctxt.update_store()
            answers.append(self._finish(str(token), answer, found, entries))
        return answers

    def _begin(self, ctxt: RequestContext, token: object, found: _Found,
               entries: _Entries) -> objects.TokenCheck | futures.Future[bool] | None:
        """Return the answer, or that of the host to come, or None: this host is not to be waited for here."""
        if not tokens.is_token(token):
            return objects.TokenCheck(None, objects.REASON_INVALID)
        if token not in found:
            return objects.TokenCheck(None, objects.REASON_UNAVAILABLE)
        authorization = found[str(token)]
        if authorization is None:
            return objects.TokenCheck(None, objects.REASON_INVALID)
        if authorization.instance_uuid not in entries:
            return objects.TokenCheck(None, objects.REASON_UNAVAILABLE)
        entry = entries[authorization.instance_uuid]
        if entry is None or not _has_console(authorization, entry):
            return self._answer(authorization, entry, objects.REASON_NOT_READY)
        try:
            return self._hosts.begin(ctxt, entry, authorization, _deadline_for(entry))
        except exception.ServiceUnavailable:
            return self._answer(authorization, entry, objects.REASON_HOST_SILENT)

    def _finish(self, token: str, begun: objects.TokenCheck | futures.Future[bool] | None, found: _Found,
                entries: _Entries) -> objects.TokenCheck | None:
        if not isinstance(begun, futures.Future):
            return begun
        authorization = found[token]
        entry = entries[authorization.instance_uuid] if authorization else None
        if authorization is None or entry is None or not begun.done():
            return None
        try:
            return self._answer(authorization, entry, self._read_answer(authorization, entry, begun.result))
        except Exception:       # check() has the answer of its own, and says what is wrong
            return None

    def _answer(self, found: tokens.Authorization, entry: Entry | None, reason: str | None) -> objects.TokenCheck:
        if reason is not None:
            LOG.info('A valid token of instance %s was refused: %s', found.instance_uuid, reason)
        return objects.TokenCheck(
            connect_info=tokens.build_connect_info(found, self._ttl_s) if reason is None else None,
            reason=reason, display_name=entry.instance.display_name if entry else None, expires=found.expires,
            request_id=found.request_id)

    def _look_up(self, token: str) -> tuple[tokens.Authorization | None, Entry | None]:
        with self._shared_reads():
            found = self._store.get(token, self._clock())
            return found, self._directory.get(found.instance_uuid) if found else None

    def _look_up_many(self, wanted: Sequence[str]) -> tuple[_Found, _Entries]:
        if not wanted:
            return {}, {}
        with self._shared_reads():
            found = self._store.get_many(wanted, self._clock())
            uuids = list(dict.fromkeys(one.instance_uuid for one in found.values() if one))
            return found, self._directory.get_many(uuids) if uuids else {}

    def _find_obstacle(self, ctxt: RequestContext, found: tokens.Authorization, entry: Entry | None) -> str | None:
        if entry is None or not _has_console(found, entry):
            return objects.REASON_NOT_READY
        return self._read_answer(found, entry,
                                 lambda: self._hosts.validate(ctxt, entry, found, _deadline_for(entry)))

    @staticmethod
    def _read_answer(found: tokens.Authorization, entry: Entry, validate: Callable[[], bool]) -> str | None:
        """Return the reason why not, from how the host's answer ends."""
        try:
            is_there = validate()
        except exception.ServiceUnavailable:
            return objects.REASON_HOST_SILENT
        except (exception.InstanceNotFound, exception.InstanceNotReady):
            return objects.REASON_NOT_READY
        except exception.NovaVNCError as error:  # no such graphics any more, VNC disabled
            LOG.warning('Host %s does not validate the console of instance %s: %s', entry.instance.host,
                        found.instance_uuid, error)
            return objects.REASON_MOVED
        return None if is_there else objects.REASON_MOVED


def _has_console(found: tokens.Authorization, entry: Entry) -> bool:
    return bool(entry.instance.host) and found.has_port


def _deadline_for(entry: Entry) -> Deadline:
    return Deadline(_SILENT_COMPUTE_TIMEOUT_S if entry.host_is_silent else _COMPUTE_TIMEOUT_S)
