# SPDX-License-Identifier: Apache-2.0
"""The options of oslo.log: what it would answer with a traceback, at the start or with every line, is one line here."""

from __future__ import annotations

import collections
import logging as stdlib_logging
import sys
from collections.abc import Iterator

from oslo_config import cfg
from oslo_log import formatters
from oslo_log import log as logging

from nova_vnc import context, exception

_WHERE = 'nova_vnc'


class _Unstored(context.RequestContext):
    """A context that does not become that of this thread."""

    def update_store(self) -> None:
        pass


def set_up(conf: cfg.ConfigOpts, project: str, version: str) -> None:
    """Do what oslo_log.log.setup() does.

    :raises ConfigurationError: it cannot be done with these options; names the one
    """
    check(conf)
    try:
        logging.setup(conf, project, version)
    except RuntimeError as error:   # what it raises in place of an ImportError
        raise exception.ConfigurationError(
            reason=f'[DEFAULT]use_journal = {conf.use_journal} needs a Python library that is not installed ({error}); '
                   'pip install systemd-python brings it') from None
    except TypeError as error:
        raise _refusal(conf, 'syslog_log_facility', error) from None
    except OSError as error:
        if error.filename is None:
            raise
        name = 'log_dir' if conf.log_dir else 'log_file'
        raise exception.ConfigurationError(
            reason=f'[DEFAULT]{name} = {conf[name]}: {error.filename} cannot be written: {error.strerror}') from None


def reopen_files() -> None:
    """Let go of the files that are written to, for others that have their names now: they have been rotated."""
    for handler in stdlib_logging.getLogger().handlers:
        if isinstance(handler, stdlib_logging.FileHandler):
            handler.close()     # the next line opens it


def check(conf: cfg.ConfigOpts) -> None:
    """:raises ConfigurationError: levels or formats cannot be used"""
    if conf.log_config_append:      # that file says all that these say
        return
    _check_levels(conf.default_log_levels)
    if not conf.use_json:
        _check_formats(conf)


def _refusal(conf: cfg.ConfigOpts, name: str, reason: object) -> exception.ConfigurationError:
    return exception.ConfigurationError(reason=f'[DEFAULT]{name} = {conf[name]}: {" ".join(str(reason).split())}')


def _check_levels(pairs: list[str]) -> None:
    logger = stdlib_logging.Logger('')
    for pair in pairs:
        level = pair.partition('=')[2]
        try:
            logger.setLevel(int(level) if level.lstrip('-').isdecimal() else level)
        except ValueError:
            reason = f'[DEFAULT]default_log_levels: {pair!r} is not LOGGER=LEVEL, with a level such as INFO'
            raise exception.ConfigurationError(reason=reason) from None


def _check_formats(conf: cfg.ConfigOpts) -> None:
    """Write one line of each kind, to nowhere."""
    try:
        conf.logging_user_identity_format % collections.defaultdict(lambda: '-')
    except (TypeError, ValueError) as error:
        raise _refusal(conf, 'logging_user_identity_format', error) from None
    formatter = formatters.ContextFormatter(config=conf, datefmt=conf.log_date_format)
    for name, record in _records():
        try:
            formatter.format(record)
        except (KeyError, TypeError, ValueError) as error:
            raise _refusal(conf, name, error) from None


def _records() -> Iterator[tuple[str, stdlib_logging.LogRecord]]:
    """Return records whose lines depend on an option, and otherwise on the options before it alone."""
    yield 'logging_default_format_string', _record(stdlib_logging.INFO)
    yield 'logging_debug_format_suffix', _record(stdlib_logging.DEBUG)
    failed = _record(stdlib_logging.ERROR)
    try:
        raise ValueError
    except ValueError:
        failed.exc_info = sys.exc_info()
    yield 'logging_exception_prefix', failed
    about_request = _record(stdlib_logging.INFO)
    about_request.context = _Unstored()
    yield 'logging_context_format_string', about_request


def _record(level: int) -> stdlib_logging.LogRecord:
    return stdlib_logging.LogRecord(_WHERE, level, __file__, 1, 'A line', (), None, _WHERE)
