# SPDX-License-Identifier: Apache-2.0
"""What a token stands for now: it must be valid, its VM known, and the VM's console still where it was."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

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
        reason = self._find_obstacle(ctxt, found, entry)
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

    def _find_obstacle(self, ctxt: RequestContext, found: tokens.Authorization, entry: Entry | None) -> str | None:
        if entry is None or not entry.instance.host or not found.has_port:
            return objects.REASON_NOT_READY
        timeout_s = _SILENT_COMPUTE_TIMEOUT_S if entry.host_is_silent else _COMPUTE_TIMEOUT_S
        try:
            is_there = self._hosts.validate(ctxt, entry, found, Deadline(timeout_s))
        except exception.ServiceUnavailable:
            return objects.REASON_HOST_SILENT
        except (exception.InstanceNotFound, exception.InstanceNotReady):
            return objects.REASON_NOT_READY
        except exception.NovaVNCError as error:  # no such graphics any more, VNC disabled
            LOG.warning('Host %s does not validate the console of instance %s: %s', entry.instance.host,
                        found.instance_uuid, error)
            return objects.REASON_MOVED
        return None if is_there else objects.REASON_MOVED
