# SPDX-License-Identifier: Apache-2.0
"""What Ctrl-C does to a command that has not begun to heed signals."""

from __future__ import annotations

import signal


def end_without_words() -> None:
    """Let SIGINT end the process as it ends any other, in place of Python's traceback of KeyboardInterrupt.

    To be called by a command before anything that takes time, in the main thread. A shell that starts it in the
    background may have it ignore SIGINT: that stays.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
