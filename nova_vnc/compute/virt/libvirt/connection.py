# SPDX-License-Identifier: Apache-2.0
"""A connection to libvirt. The only module that imports libvirt, and where its errors become ours.

Everything here blocks in C and so belongs into native threads (native_calls). It uses no lock but a native one, and no
logger.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import libvirt

from nova_vnc import concurrency, exception, threads
from nova_vnc.compute.virt.libvirt import domain

T = TypeVar('T')

# A daemon that answers no ping for 20 s (4 * 5 s) is as good as gone: the connection closes, and calls that wait for
# it end.
_KEEPALIVE_INTERVAL_S = 5
_KEEPALIVE_COUNT = 3

_EVENT_IDS = (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE)

# What auth.conf may hold; there is nobody to ask for the rest (libvirt.org/auth.html).
_CREDENTIALS = [libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE, libvirt.VIR_CRED_REALM,
                libvirt.VIR_CRED_ECHOPROMPT, libvirt.VIR_CRED_NOECHOPROMPT, libvirt.VIR_CRED_EXTERNAL]

_event_loop_runs = False


def start_event_loop(fail: threads.Fail) -> None:
    """Run libvirt's own event loop in a native thread, for the rest of the process.

    It carries events and keepalives of all connections that are opened after this: without it a host that is gone
    would seem to be there. To be called from one thread.
    """
    global _event_loop_runs
    if _event_loop_runs:
        return
    _event_loop_runs = True
    # libvirt prints every error to stderr otherwise.
    libvirt.registerErrorHandler(lambda _opaque, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()
    threads.start_native('libvirt-events', _run_event_loop, fail)


def _run_event_loop() -> None:
    pause = concurrency.native_threading().Event()
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:
            pause.wait(1)


class Connection:
    """One open, read-only connection, which is enough for all that is asked of it.

    :param uri: as `virsh -c` takes it
    :param on_news: called from the event loop's native thread after something has happened to a domain, or to the
        connection itself; may only wake others
    :raises HypervisorUnavailable: it cannot be opened; `kwargs['reason']` is what libvirt says
    """

    def __init__(self, uri: str, on_news: Callable[[], None]) -> None:
        self.is_lost = False
        self._is_closed = False
        # Calls go one at a time: libvirt 9.0 crashes the process (in virNetClientSendWithReply) when a connection
        # breaks in which several calls wait, and a connection must not be closed under a call.
        self._lock = concurrency.native_threading().Lock()
        self._on_news = on_news
        self._event_callbacks: list[int] = []
        try:
            self._virt = libvirt.openAuth(uri, [_CREDENTIALS, _give_no_credentials, None], libvirt.VIR_CONNECT_RO)
        except libvirt.libvirtError as error:
            raise exception.HypervisorUnavailable(reason=str(error)) from None
        self._watch()

    def _watch(self) -> None:
        # Not every libvirt driver has each of these, and what runs inside this process (test:///default) needs no
        # keepalive. Without events the periodic report still tells the news.
        for event_id in _EVENT_IDS:
            with contextlib.suppress(libvirt.libvirtError):
                self._event_callbacks.append(
                    self._virt.domainEventRegisterAny(None, event_id, self._domain_event, None))
        with contextlib.suppress(libvirt.libvirtError):
            self._virt.registerCloseCallback(self._closed, None)
        with contextlib.suppress(libvirt.libvirtError):
            self._virt.setKeepAlive(_KEEPALIVE_INTERVAL_S, _KEEPALIVE_COUNT)

    def get_domain_xml(self, instance_uuid: str) -> str:
        """Return the live XML of a domain, or its definition if it does not run; without secrets.

        :raises InstanceNotFound: no such domain
        :raises HypervisorUnavailable: libvirt cannot tell
        """
        try:
            return self._call(lambda: self._virt.lookupByUUIDString(instance_uuid).XMLDesc(0))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                raise exception.InstanceNotFound(instance_id=instance_uuid) from None
            raise self._unavailable(error) from None

    def list_domains(self) -> list[domain.Description]:
        """Return what there is, running or not. A domain that libvirt fails to describe does not keep others away.

        :raises HypervisorUnavailable: libvirt cannot tell
        """
        try:
            domains = self._call(lambda: self._virt.listAllDomains(0))
        except libvirt.libvirtError as error:
            raise self._unavailable(error) from None
        return [found for found in map(self._describe, domains) if found is not None]

    def _describe(self, virt: Any) -> domain.Description | None:
        uuid, name = virt.UUIDString(), virt.name()     # what was listed holds these
        try:
            return domain.Description(uuid, name, *self._call(lambda: (virt.XMLDesc(0), virt.state()[0])))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None   # gone since it was listed
            unavailable = self._unavailable(error)
            if self.is_lost:
                raise unavailable from None
            return domain.Description(uuid, name, error=str(error))

    def close(self) -> None:
        """Release it, lost or not. May take as long as the daemon takes to answer."""
        with self._lock:
            self._is_closed = True
            for callback in self._event_callbacks:
                with contextlib.suppress(libvirt.libvirtError):
                    self._virt.domainEventDeregisterAny(callback)
            with contextlib.suppress(libvirt.libvirtError):
                self._virt.unregisterCloseCallback()
            with contextlib.suppress(libvirt.libvirtError):
                self._virt.close()

    def _call(self, question: Callable[[], T]) -> T:
        with self._lock:
            if self._is_closed or self.is_lost:
                raise exception.HypervisorUnavailable(reason='the connection is lost')
            return question()

    def _unavailable(self, error: libvirt.libvirtError) -> exception.HypervisorUnavailable:
        # Should the close callback not come: a connection that is no longer one is noticed with its first use.
        with contextlib.suppress(libvirt.libvirtError), self._lock:
            if not self._is_closed and not self._virt.isAlive():
                self._lose()
        return exception.HypervisorUnavailable(reason=str(error))

    def _domain_event(self, *_details: object) -> None:
        self._on_news()

    def _closed(self, *_details: object) -> None:
        self._lose()

    def _lose(self) -> None:
        self.is_lost = True
        self._on_news()


def _give_no_credentials(_credentials: list[Any], _opaque: None) -> int:
    return -1
