# SPDX-License-Identifier: Apache-2.0
"""Threads that a service cannot do without: when one of them ends, the process says so and ends too.

A service that has lost its accept loop or its RPC server would otherwise sit there looking healthy, while its service
manager, which would start it again, knows nothing. Every thread that lives as long as the process is started here;
doc/source/contributor/architecture.rst lists them all. One that can go on after an error catches it itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from nova_vnc import concurrency

LOG = logging.getLogger(__name__)

# Ends the process with this line in the log and status 1; callable from any thread, native ones too, at any time.
Fail = Callable[[str], None]

# How threads are called that libraries start and nobody watches: the standard library's name for a thread without one
# (oslo.messaging: what polls the queues and what acknowledges), oslo.messaging's heartbeat, and cheroot's workers.
_LIBRARY_THREADS = ('Thread-', 'Rabbit-', 'CP Server ')


def start(name: str, run: Callable[[], None], fail: Fail,
          is_stopping: Callable[[], bool] | None = None) -> threading.Thread:
    """Run something in a (green) daemon thread, and end the process if it fails.

    :param is_stopping: given, it may not return either before this is true; what it raises once it is true is nobody's
        concern. Not given, it may return when it has done its work.
    """
    thread = threading.Thread(target=_watch, args=(name, run, fail, is_stopping), name=name, daemon=True)
    thread.start()
    return thread


def start_native(name: str, run: Callable[[], None], fail: Fail) -> None:
    """Run something that never returns in a thread of the operating system, and end the process if it does.

    Under eventlet it may touch neither locks nor loggers.
    """
    def watch() -> None:
        try:
            run()
        except BaseException as error:
            fail(_reason(name, repr(error)))
        else:
            fail(_reason(name, 'it returned'))
    concurrency.start_native_thread(watch, name)


def watch_libraries(fail: Fail) -> None:
    """From now on, end the process when a thread of a library's ends by an exception that nobody caught."""
    def hook(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else 'unknown'
        LOG.error('The thread %s failed', name, exc_info=args.exc_value)
        if name.startswith(_LIBRARY_THREADS):
            fail(_reason(name, repr(args.exc_value)))
    threading.excepthook = hook


def _watch(name: str, run: Callable[[], None], fail: Fail, is_stopping: Callable[[], bool] | None) -> None:
    try:
        run()
    except BaseException as error:
        if is_stopping is not None and is_stopping():
            LOG.debug('The thread %s failed while the service stops', name, exc_info=True)
            return
        LOG.exception('The thread %s failed', name)
        reason = repr(error)
    else:
        if is_stopping is None or is_stopping():
            return
        reason = 'it returned'
    fail(_reason(name, reason))


def _reason(name: str, why: str) -> str:
    return f'The thread {name}, without which the service cannot work, has ended: {why}'
