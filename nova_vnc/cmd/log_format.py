# SPDX-License-Identifier: Apache-2.0
"""Log lines that hold what was logged, and nothing else."""

from __future__ import annotations

import logging

# Of these oslo.log adds nothing (oslo_log.formatters, _get_error_summary).
_LEFT_OUT = KeyError


class OwnWordsFormatter(logging.Formatter):
    """Another formatter, without the exception that is being handled while a line is logged.

    oslo.log adds it to each line from WARNING on. Where we have said in our own words what is wrong it says the same
    again, and where it comes from elsewhere it can hold anything. An exception that is given to the logger, as
    LOG.exception() does, is shown as ever. oslo.log has no option for this, and formats each line anew.
    """

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        try:
            raise _LEFT_OUT
        except _LEFT_OUT:
            return self._formatter.format(record)


def use_own_words() -> None:
    """Let all handlers of the root logger leave out what nobody has logged. Call it once logging is set up."""
    for handler in logging.getLogger().handlers:
        if handler.formatter is not None:
            handler.setFormatter(OwnWordsFormatter(handler.formatter))
