# SPDX-License-Identifier: Apache-2.0
"""Tells observers about the end of their relays, away from the loop, which must not wait for them."""

from __future__ import annotations

import logging
import queue
import threading

from nova_vnc import threads
from nova_vnc.relay.end import RelayEnd
from nova_vnc.relay.relay import EndObserver

LOG = logging.getLogger(__name__)

_Notice = tuple[EndObserver, RelayEnd, Exception | None]


class EndNotifier:
    """Calls the observers one after the other in a thread of its own; what they raise is logged."""

    def __init__(self) -> None:
        self._notices: queue.Queue[_Notice | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def start(self, on_failure: threads.Fail) -> None:
        """:param on_failure: called if the thread ends for any other reason than stop()"""
        self._thread = threads.start('relay-ends', self._run, on_failure)

    def notify(self, observer: EndObserver, end: RelayEnd, error: Exception | None) -> None:
        """Have observer(end) called soon.

        :param error: a defect to be logged, the cause of this end
        """
        self._notices.put((observer, end, error))

    def stop(self) -> None:
        """Return when all have been told."""
        self._notices.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        # Nothing of one end is held while the next one is waited for.
        while self._tell_next():
            pass

    def _tell_next(self) -> bool:
        notice = self._notices.get()
        if notice is None:
            return False
        observer, end, error = notice
        if error is not None:
            LOG.error('A relay failed', exc_info=error)
        try:
            observer(end)
        except Exception:
            LOG.exception('The end of a relay could not be handled')
        return True
