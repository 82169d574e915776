# SPDX-License-Identifier: Apache-2.0
"""What is logged while the options are read, and so before it is known where the log goes."""

from __future__ import annotations

import logging
from collections.abc import Callable

# Its warnings of deprecated names; of options that the command line has as well it reads the files while it parses.
_LOGGER = 'oslo_config.cfg'


class _Holder(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def hold() -> Callable[[], None]:
    """Hold back what oslo.config logs from now on; returns what to call once logging is set up, to let it go."""
    logger = logging.getLogger(_LOGGER)
    holder = _Holder()
    logger.addHandler(holder)
    logger.propagate = False

    def release() -> None:
        logger.removeHandler(holder)
        logger.propagate = True
        for record in holder.records:
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)
        holder.records.clear()
    return release
