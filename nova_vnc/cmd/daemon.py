# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT]daemon: a service in the background, without a service manager."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

_SERVES = b'.'


def detach(program: str) -> Callable[[], None]:
    """Go on in a background process, before there are threads; returns there.

    The process that was started stays until the other one serves and then ends with status 0, or with 1 when that ends
    before. Until then what is said on standard error is still read by whoever started it, and so the log's critical
    lines are said there too.

    :param program: its name, which these lines begin with
    :returns: what to call once the process serves
    """
    reader, writer = os.pipe()
    sys.stdout.flush()      # or both would write what is still buffered
    sys.stderr.flush()
    if os.fork() > 0:
        os.close(writer)
        _end_with_the_other(reader)
    os.close(reader)
    os.setsid()
    # Twice: who leads no session can get no terminal by opening one.
    if os.fork() > 0:
        os._exit(0)
    # The leader of its own group: oslo.messaging with use_queue_manager looks up in /proc the one that there is.
    os.setpgid(0, 0)

    aloud = _say_what_is_critical(program)

    def serves() -> None:
        logging.getLogger().removeHandler(aloud)
        _give_up_streams()
        # Who started it may have been ended meanwhile. Not os.write(): eventlet's tries for ever where nobody reads.
        with contextlib.suppress(BrokenPipeError), io.FileIO(writer, 'wb') as told:
            told.write(_SERVES)
    return serves


def _end_with_the_other(reader: int) -> NoReturn:
    # Nothing is read where the other has ended: it was the last one to hold the other end of the pipe.
    os._exit(0 if os.read(reader, 1) == _SERVES else 1)


def _say_what_is_critical(program: str) -> logging.Handler:
    """Return a handler that writes to standard error what the others do not; the root logger has it."""
    root = logging.getLogger()
    is_said = any(getattr(handler, 'stream', None) in (sys.stdout, sys.stderr) for handler in root.handlers)
    aloud = logging.NullHandler() if is_said else logging.StreamHandler()
    aloud.setLevel(logging.CRITICAL)
    aloud.setFormatter(logging.Formatter(f'{program}: %(message)s'))
    root.addHandler(aloud)
    return aloud


def _give_up_streams() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)
