# SPDX-License-Identifier: Apache-2.0
"""The choice between eventlet and native threads, and all that depends on it.

The rest of the code is written in the words of the standard library (threading, socket, queue). patch(), called by a
command before it imports anything else, turns those words green or leaves them native. This is the only module that
imports eventlet, and it does so only when it patches.

The choice follows Nova: the environment variable OS_NOVA_DISABLE_EVENTLET_PATCHING if it is set, else
[DEFAULT]concurrency_backend, else the default of the command.
"""

from __future__ import annotations

import gc
import os
import select
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar('T')

DISABLE_VARIABLE = 'OS_NOVA_DISABLE_EVENTLET_PATCHING'
_TRUE_WORDS = ('1', 'true', 'yes')
_CONFIG_FLAGS = ('--config-file', '--config-dir')

_patched = False


def is_patched() -> bool:
    """Tell whether the standard library is green in this process."""
    return _patched


def patch(default_backend: str = 'eventlet', argv: Sequence[str] | None = None) -> None:
    """Make the standard library green, or see to it that it stays native.

    :param default_backend: what 'auto' means for this command: 'eventlet' or 'threading'
    :param argv: the command line, of which only --config-file and --config-dir are read; default sys.argv[1:]
    """
    # Libraries below warn about eventlet on each import; an operator chooses it by concurrency_backend, knowingly.
    warnings.filterwarnings('ignore', message=r'\s*Eventlet is deprecated')
    backend = choose_backend(default_backend, sys.argv[1:] if argv is None else argv,
                             os.environ.get(DISABLE_VARIABLE, ''))
    if backend == 'eventlet':
        _patch_with_eventlet()
    _choose_oslo_service_backend(backend)


def choose_backend(default_backend: str, argv: Sequence[str], disable_variable: str) -> str:
    """Return 'eventlet' or 'threading'.

    :param disable_variable: value of OS_NOVA_DISABLE_EVENTLET_PATCHING, '' where it is not set
    """
    if disable_variable:
        return 'threading' if disable_variable.lower() in _TRUE_WORDS else 'eventlet'
    configured = _read_concurrency_backend(config_file_args(argv))
    return default_backend if configured == 'auto' else configured


def config_file_args(argv: Sequence[str]) -> list[str]:
    """Return the --config-file and --config-dir arguments of a command line, and nothing else of it."""
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word in _CONFIG_FLAGS:
            kept += [word, *[value for value in (next(words, None),) if value is not None]]
        elif word.startswith(tuple(flag + '=' for flag in _CONFIG_FLAGS)):
            kept.append(word)
    return kept


def _read_concurrency_backend(args: list[str]) -> str:
    # The command's own, full parse reports what is wrong with the files; until then a file that cannot be read, or
    # an unknown value, means 'auto'. The project name gives the search path that the full parse will use too.
    from oslo_config import cfg
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.StrOpt('concurrency_backend', default='auto'))  # noqa: V301 - read before nova_vnc.conf is
    try:
        conf(args, project='nova')
        value = conf.concurrency_backend
    except (cfg.Error, UnicodeDecodeError, SystemExit):
        return 'auto'
    return value if value in ('eventlet', 'threading') else 'auto'


def _patch_with_eventlet() -> None:
    global _patched
    if _patched:
        return
    # eventlet reads this when it is imported. Its own resolver ignores nsswitch; names are resolved in native
    # threads instead (net.resolver).
    os.environ.setdefault('EVENTLET_NO_GREENDNS', 'yes')
    import eventlet
    eventlet.monkey_patch()
    _patched = True


def _choose_oslo_service_backend(backend: str) -> None:
    # Whoever is asked for it first, as by oslo.messaging, would choose eventlet.
    from oslo_service import backend as oslo_backend
    oslo_backend.init_backend(oslo_backend.BackendType(backend))


def run_native(func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function that blocks in C without stopping the other green threads, and return its result.

    Under eventlet the call runs in a native thread of eventlet's pool (EVENTLET_THREADPOOL_SIZE, 20) and must not
    touch green objects such as locks or loggers; with native threads it simply runs.
    """
    if not _patched:
        return func(*args, **kwargs)
    from eventlet import tpool
    result, error = tpool.execute(_call, func, args, kwargs)
    if error is not None:
        raise error
    return result


def _call(func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, BaseException | None]:
    # SystemExit and its like would end the thread of the pool, and whoever waits for the result would wait for ever.
    try:
        return func(*args, **kwargs), None
    except BaseException as error:
        return None, error


def native_threading() -> Any:
    """Return the threading module as it is without patching."""
    if not _patched:
        return threading
    from eventlet import patcher
    return patcher.original('threading')


def start_native_thread(target: Callable[[], None], name: str) -> Any:
    """Start a daemon thread of the operating system, under either backend, and return it.

    It may wake green code only through a file descriptor (os.write on a pipe or socketpair).
    """
    thread = native_threading().Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


def green_threads() -> list[Any]:
    """Return all greenlets of a process that is patched; each has its stack in gr_frame, unless it runs or ended."""
    from eventlet import greenthread
    return [found for found in gc.get_objects() if isinstance(found, greenthread.greenlet.greenlet)]


# How long, under eventlet, an Epoll with precedence may wait before it gets its turn out of turn: much longer than
# a wake-up takes, so that there is time for others even if something is always ready there.
_PATIENCE_S = 0.001
_with_precedence: list[_HubWake] = []

# The most events that Epoll.poll() returns; the kernel gives the others their turn next. Under eventlet all other green
# threads wait while they are served.
MOST_EVENTS = 64


class Epoll:
    """select.epoll whose poll() lets other green threads run.

    eventlet's patching removes select.epoll; the original still works, and its own file descriptor becomes readable
    with its first event. So the hub watches that one descriptor, and the green thread then polls without waiting.

    :param has_precedence: under eventlet, whoever waits here need not wait until all others that are ready have had
        their turn; with native threads nobody need
    """

    def __init__(self, has_precedence: bool = False) -> None:
        self._epoll = _original_select().epoll()
        note_new_fd(self._epoll.fileno())
        self._wake = _HubWake(self._epoll.fileno()) if _patched else None
        if self._wake is not None and has_precedence:
            _with_precedence.append(self._wake)
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister
        self.fileno = self._epoll.fileno

    def poll(self, timeout_s: float | None = None) -> list[tuple[int, int]]:
        """Return (fd, event mask) pairs, waiting for the first one at most timeout_s seconds (None: for ever).

        Only one green thread may wait.
        """
        if self._wake is None:
            return self._epoll.poll(timeout_s, MOST_EVENTS)
        self._wake.wait(timeout_s)
        return self._epoll.poll(0, MOST_EVENTS)

    def close(self) -> None:
        if self._wake is not None:
            self._wake.forget()
            if self._wake in _with_precedence:
                _with_precedence.remove(self._wake)
        self._epoll.close()


class _HubWake:
    """Lets one green thread wait for a descriptor, time after time.

    hubs.trampoline() registers a listener and a timer anew for each wait, and has to be asked only after a look whether
    it is needed. Here both stay with the hub: a key press and its answer in a single session, which is two waits, take
    92 µs for 127. With 20 busy sessions most looks find something, and it is 36 for 38.
    """

    def __init__(self, fd: int) -> None:
        from eventlet import greenthread, hubs
        self._current = greenthread.getcurrent
        self._fd = fd
        self._look = _original_select().poll()
        self._look.register(fd, select.EPOLLIN)
        self._hub = hubs.get_hub()
        self._listener: Any = None
        self._timer: Any = None
        self._timer_due = 0.0
        self._sleeper: Any = None
        self._asleep_since = 0.0

    def wait(self, timeout_s: float | None) -> None:
        """Return when the descriptor is readable or the time is over, or sooner; others have run by then."""
        hub = self._hub
        if self._listener is None:
            self._listener = hub.add(hub.READ, self._fd, self._on_readable, self._on_failure, self._on_closed)
        self._asleep_since = hub.clock()
        if timeout_s is not None:
            self._have_timer_by(self._asleep_since + timeout_s)
        self._sleeper = self._current()
        hub.switch()

    def give_way(self) -> bool:
        """Let the one that waits run before the hub comes to it, if it has waited for long and need not wait.

        :returns: whether that was so
        """
        if (self._sleeper is not None and self._hub.clock() - self._asleep_since > _PATIENCE_S
                and self._look.poll(0)):
            turn = self._hub.schedule_call_global(0, self._current().switch)
            try:
                self._resume()
            finally:
                turn.cancel()
            return True
        return False

    def forget(self) -> None:
        """Wait no more: the descriptor is about to be closed."""
        if self._listener is not None:
            self._hub.remove(self._listener)
            self._listener = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _have_timer_by(self, due: float) -> None:
        # One that is too early costs a round of the loop now and then; one for each wait costs more.
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._hub.schedule_call_global(max(0.0, due - self._hub.clock()), self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._resume()

    def _on_readable(self, fd: int) -> None:
        if self._sleeper is None:   # it does not wait, so the hub would tell of the same event again and again
            self._hub.remove(self._listener)
            self._listener = None
        self._resume()

    def _on_closed(self) -> None:
        """Somebody else's socket of the same number was closed; not ours, which nobody closes but we."""

    def _on_failure(self, *error: Any) -> None:
        sleeper, self._sleeper = self._sleeper, None
        if sleeper is not None:
            sleeper.throw(*error)

    def _resume(self) -> None:
        sleeper, self._sleeper = self._sleeper, None
        if sleeper is not None:
            sleeper.switch()


def _original_select() -> Any:
    if not _patched:
        return select
    from eventlet import patcher
    return patcher.original('select')


def note_new_fd(fd: int) -> None:
    """Let green threads wait for a descriptor that code in C has opened."""
    if not _patched:
        return
    # The hub may still know the number: from a socket that was closed while a green thread waited for it.
    from eventlet import hubs
    hubs.notify_opened(fd)


def give_way() -> None:
    """Let other threads run that are ready."""
    if not _let_precede():
        time.sleep(0)


def _let_precede() -> bool:
    return any(wake.give_way() for wake in _with_precedence)


def wait_for_descriptor(fd: int, mask: int, timeout_s: float | None) -> bool:
    """Let other threads run until a descriptor is ready, or broken; return False if it is not in time.

    :param mask: select.EPOLLIN or EPOLLOUT
    :param timeout_s: None: for ever
    """
    if _patched:
        return _wait_green(fd, mask, timeout_s)
    poll = select.poll()
    poll.register(fd, mask)
    # poll() takes whole milliseconds; what is left of a time is not rounded down to not waiting at all.
    return bool(poll.poll(None if timeout_s is None else max(1.0, timeout_s * 1000)))


def _wait_green(fd: int, mask: int, timeout_s: float | None) -> bool:
    from eventlet import hubs
    _let_precede()
    try:
        hubs.trampoline(fd, read=bool(mask & select.EPOLLIN), write=bool(mask & select.EPOLLOUT), timeout=timeout_s,
                        timeout_exc=_TrampolineTimeout)
    except _TrampolineTimeout:
        return False
    return True


class _TrampolineTimeout(Exception):
    _let_precede()
