# SPDX-License-Identifier: Apache-2.0
"""Asking compute hosts whether a console is still there, without waiting for one at the cost of all others.

Who waits for a host holds a thread of the RPC server, and there are only so many. So equal questions are one call, a
host that is known to be silent is not waited for, and one that is slow is waited for by a few at a time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from concurrent import futures

from nova_vnc import exception
from nova_vnc.consoleauth.directory.base import Entry
from nova_vnc.consoleauth.tokens import Authorization
from nova_vnc.context import RequestContext
from nova_vnc.net.ceiling import Ceiling, Crowded
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc.compute import ComputeAPI
from nova_vnc.rpc.shared_calls import SharedCalls
from nova_vnc.rpc.silent_hosts import SilentHosts

# A host answers within milliseconds. While it owes no answer for longer than this, whoever asks may wait: a crowd in
# front of a host that is well gets its answers. All threads together are held up for this long by one that hangs.
AT_EASE_S = 0.3


def build_places(threads: int) -> Ceiling:
    """Return the places of those who wait for slow hosts: half of the threads at most, an eighth for each host, and
    some that only hosts get for which nobody waits yet.

    :param threads: of the RPC server
    """
    return Ceiling(total=max(threads // 2, 1), each=max(threads // 8, 1), reserved=threads // 8)


@dataclasses.dataclass(frozen=True)
class Hosts:
    """The compute hosts on one message bus. silent: those of `compute`."""

    compute: ComputeAPI
    silent: SilentHosts


class HostChecks:
    """Thread-safe. Hosts of one name in two cells have nothing in common.

    :param hosts_of: returns those of a cell, by Entry.cell. It raises ServiceUnavailable where they cannot be asked
    :param places: for waiting for slow hosts
    :param at_ease_s: for how long a host may owe an answer before a place is needed to wait for it
    """

    def __init__(self, hosts_of: Callable[[str | None], Hosts], places: Ceiling, at_ease_s: float = AT_EASE_S) -> None:
        self._hosts_of = hosts_of
        self._places = places
        self._at_ease_s = at_ease_s
        self._calls: SharedCalls[bool] = SharedCalls('host-check')

    def validate(self, ctxt: RequestContext, entry: Entry, authorization: Authorization, deadline: Deadline) -> bool:
        """As ComputeAPI.validate_console.

        :raises HostSilent: it is not waited for, or not by any more callers
        """
        host = str(entry.instance.host)
        join, at_ease_s = self._prepare(ctxt, entry, authorization, deadline)
        if at_ease_s > 0:
            with contextlib.suppress(futures.TimeoutError):
                return join().result(at_ease_s)
        try:
            with self._places.place((entry.cell, host)):
                return join().result(deadline.remaining())
        except Crowded:
            raise exception.HostSilent(host=host) from None
        except futures.TimeoutError:
            raise exception.ServiceUnavailable(service=f'compute on host {host}') from None

    def begin(self, ctxt: RequestContext, entry: Entry, authorization: Authorization,
              deadline: Deadline) -> futures.Future[bool] | None:
        """Ask what validate() asks, and wait for nothing; it joins what is under way. None: this host is slow.

        :raises HostSilent: it is not asked
        """
        join, at_ease_s = self._prepare(ctxt, entry, authorization, deadline)
        return join() if at_ease_s > 0 else None

    def _prepare(self, ctxt: RequestContext, entry: Entry, authorization: Authorization,
                 deadline: Deadline) -> tuple[Callable[[], futures.Future[bool]], float]:
        """Return how the host is asked, and for how many seconds it may be waited for without a place.

        :raises HostSilent: it is not asked
        """
        host = str(entry.instance.host)
        hosts = self._hosts_of(entry.cell)
        hosts.silent.refuse_if_silent(host, entry.host_is_silent)
        console = (authorization.host, authorization.port, authorization.console_type)
        ask = functools.partial(hosts.compute.validate_console, ctxt, entry.instance, *console, deadline,
                                entry.host_is_silent)
        return (functools.partial(self._calls.join, (entry.cell, entry.instance.uuid, host, *console), ask),
                self._at_ease_s - hosts.silent.owing_s(host))
