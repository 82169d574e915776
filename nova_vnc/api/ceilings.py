# SPDX-License-Identifier: Apache-2.0
"""How many requests may wait for other services at once.

A request holds a thread of the HTTP server while it waits. Whatever is slow - a host, all that one project asks for -
has so many of them and no more, and whoever has none yet still gets one. One request too many is refused at once: to
let it wait would take the thread that it must not take.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator

from oslo_log import log as logging

from nova_vnc.api import faults
from nova_vnc.net import ceiling

LOG = logging.getLogger(__name__)

# A place is free again when the time of a request is over.
_RETRY_AFTER_S = 10


class Ceilings:
    """Thread-safe.

    :param threads: those of the HTTP server. An eighth is never taken by requests that wait, a quarter never by those
        that wait for a host.
    """

    def __init__(self, threads: int) -> None:
        newcomers = threads // 8
        self._projects = ceiling.Ceiling(total=_part(threads, 7 / 8), each=_part(threads, 1 / 2), reserved=newcomers)
        self._hosts = ceiling.Ceiling(total=_part(threads, 3 / 4), each=_part(threads, 2 / 5), reserved=newcomers)

    def request_of(self, project_id: str | None) -> contextlib.AbstractContextManager[None]:
        """Answer a request of this project; None: of those who are of none.

        :raises Refusal: 503
        """
        return _place(self._projects, project_id, 'Too many requests of this project are under way. Try again in ten '
                                                  'seconds.')

    def call_of(self, host: str | None) -> contextlib.AbstractContextManager[None]:
        """Wait for a compute host; None: for one that consoleauth knows.

        :raises Refusal: 503
        """
        return _place(self._hosts, host, 'Too many requests wait for the compute host of this server. Try again in ten '
                                         'seconds.')


def _part(threads: int, part: float) -> int:
    return max(1, int(threads * part))


@contextlib.contextmanager
def _place(places: ceiling.Ceiling, key: Hashable, sentence: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(places.place(key))
        except ceiling.Crowded as error:
            LOG.warning('Request refused: too many wait for or belong to %s: %s', key or 'nobody in particular', error)
            raise faults.Refusal(503, sentence, headers={'Retry-After': str(_RETRY_AFTER_S)}) from None
        yield
