# SPDX-License-Identifier: Apache-2.0
"""The process: it looks at its stores, answers on the bus, and purges expired tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from oslo_log import log as logging

from nova_vnc import exception, threads
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.db.databases import Databases
from nova_vnc.pulse import Pulse
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.server import BackgroundServer

LOG = logging.getLogger(__name__)

# A database that is away is asked this often, so that one that must not be used is noticed before it is needed.
_PREPARE_INTERVAL_S = 5.0


class ConsoleAuthService:
    """See nova_vnc.service.Service.

    :param databases: those that the drivers use
    :param decide: what Choice.drivers is
    :param purge_interval_s: seconds between two removals of expired tokens; None: they stay
    :param decides_at_once: `decide` waits for no server but those of `databases`
    :param close: lets go of all databases
    """

    def __init__(self, server: BackgroundServer, rpc_caller: Caller, store: TokenStore, databases: Databases,
                 decide: Callable[[], object] = lambda: None, purge_interval_s: float | None = 300,
                 clock: Callable[[], float] = time.time, *, decides_at_once: bool = True,
                 close: Callable[[], None] | None = None) -> None:
        self._server = server
        self._caller = rpc_caller
        self._store = store
        self._databases = databases
        self._decide = decide
        self._purge_interval_s = purge_interval_s
        self._clock = clock
        self._decides_at_once = decides_at_once
        self._close = close or databases.close
        self._stopping = threading.Event()

    def start(self, fail: threads.Fail) -> None:
        if self._decides_at_once and all(database.is_local for database in self._databases.all()):
            self._prepare()     # needs no waiting
        threads.start('token-purge', lambda: self._keep_store(fail), fail)
        self._server.start(fail)

    def pulses(self) -> Sequence[Pulse]:
        """See systemd.HasPulses."""
        return [self._server.pulse()]

    def stop(self, hurry: threading.Event) -> None:
        self._stopping.set()
        self._server.stop(hurry=hurry)
        self._caller.close()
        self._close()

    def _prepare(self) -> bool:
        try:
            for database in self._databases.all():
                database.prepare()
            self._decide()
        except exception.StoreUnavailable:
            return False    # said by db
        return True

    def _keep_store(self, fail: threads.Fail) -> None:
        """Wait for the databases, one of which may turn out to be of no use; then purge for ever."""
        try:
            while not self._prepare():
                if self._stopping.wait(_PREPARE_INTERVAL_S):
                    return
        except exception.ConfigurationError as error:
            fail(error.message)
            return
        while self._purge_interval_s is not None and not self._stopping.is_set():
            self._purge()
            self._stopping.wait(self._purge_interval_s)

    def _purge(self) -> None:
        try:
            count = self._store.purge(self._clock())
        except exception.StoreUnavailable:
            return          # said by db
        except Exception:
            LOG.exception('Expired tokens could not be purged')
            return
        if count:
            LOG.debug('Purged %s expired tokens', count)
