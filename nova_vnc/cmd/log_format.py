# SPDX-License-Identifier: Apache-2.0
"""Log lines that hold what was logged, and nothing else, and that go where Nova's go."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

from oslo_config import cfg
from oslo_log import formatters

# By this name formats, and the formatters whose lines are values, know the exception.
_SUMMARY = 'error_summary'
# Options of oslo.log by which lines, or what becomes of them, can come to hold the name of a thread.
_FORMATS = ('logging_context_format_string', 'logging_default_format_string', 'logging_debug_format_suffix',
            'logging_exception_prefix')
_KEEPERS_OF_ALL_FIELDS = ('log_config_append', 'use_json', 'use_journal')


class OwnWordsFormatter(logging.Formatter):
    """Another formatter, without the exception that is being handled while a line is logged.

    oslo.log adds it to each line from WARNING on. Where we have said in our own words what is wrong it says the same
    again, and where it comes from elsewhere it can hold anything. An exception that is given to the logger, as
    LOG.exception() does, is shown as ever; so is one where a format of the operator's asks for %(error_summary)s.
    """

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> Any:
        line = self._formatter.format(record)
        if record.exc_info or sys.exc_info()[0] is None:
            return line
        if isinstance(self._formatter, formatters.JSONFormatter):
            return json.dumps(json.loads(line) | {_SUMMARY: ''})
        if isinstance(line, dict):      # formatters.FluentFormatter
            return line | {_SUMMARY: ''}
        summary = getattr(record, _SUMMARY, '')
        return line.removesuffix(f': {summary}') if summary else line


def use_own_words() -> None:
    """Let all handlers leave out what nobody has logged. Call it once logging is set up, again."""
    for handler in _handlers():
        if handler.formatter is not None and not isinstance(handler.formatter, OwnWordsFormatter):
            handler.setFormatter(OwnWordsFormatter(handler.formatter))


def name_threads_where_asked_for(conf: cfg.ConfigOpts) -> None:
    """Have the thread of each line looked up only where an option asks for it.

    eventlet lists all green threads to find the name of one: with some hundreds, a sixth of what a line costs.
    """
    logging.logThreads = (any('%(thread' in getattr(conf, name) for name in _FORMATS)
                          or any(getattr(conf, name) for name in _KEEPERS_OF_ALL_FIELDS))


def follow_nova() -> None:
    """Let handlers and level that a file of [DEFAULT]log_config_append gives to Nova's logger, `nova`, hold for ours.

    To logging `nova_vnc` is no child of `nova`. Where such a file gives the root no handler of use, as that of
    openstack-helm, our services would be mute.
    """
    ours = logging.getLogger('nova_vnc')
    ours.parent = logging.getLogger('nova')
    ours.setLevel(ours.level)   # makes loggers forget the levels that they have looked up


def _handlers() -> Iterator[logging.Handler]:
    for name in (None, *logging.root.manager.loggerDict):
        yield from logging.getLogger(name).handlers
