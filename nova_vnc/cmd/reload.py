# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: read the configuration files again."""

from __future__ import annotations

import contextlib
import logging as stdlib_logging
from collections.abc import Iterator, Sequence
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc import concurrency
from nova_vnc.cmd import known_options, log_format, log_options
from nova_vnc.conf import refusal

LOG = logging.getLogger(__name__)

_Names = dict[str, Any]


class Reloader:
    """Lets those options take effect that can (oslo.config calls them mutable), and tells of the others.

    :param conf: what the process runs with
    :param argv: its command line
    :param default_config_files: as in cmd.common.configure
    :param fixed: the options of which new workers take no notice either, where this is the parent of workers, which are
        replaced then
    """

    def __init__(self, conf: cfg.ConfigOpts, argv: Sequence[str], project: str,
                 default_config_files: list[str] | None = None, fixed: frozenset[str] | None = None) -> None:
        self._conf = conf
        self._fixed = fixed
        self._argv = concurrency.config_file_args(argv)
        self._project = project
        self._default_config_files = default_config_files
        with _silence('oslo_config.cfg'):   # what is deprecated is said when the service reads it
            files = self._read_files()
            self._at_start = _values(files, mutable=False)
            self._mutable = _values(files, mutable=True)

    def reload(self) -> bool:
        """Files that cannot be read, or that hold a wrong value for what would take effect, change nothing.

        Log files are opened anew.

        :returns: whether they could be read
        """
        log_options.reopen_files()
        try:
            files = self._read_files()
            mutable = _values(files, mutable=True)
            for value in mutable.values():
                if isinstance(value, cfg.Error):
                    raise value
            with _silence('oslo_config.cfg'):   # says in a line for each option what _tell() says in two
                self._conf.mutate_config_files()
        except UnicodeDecodeError as error:
            reason = refusal.not_text(error)
        except (cfg.Error, logging.LogConfigError, OSError, SystemExit) as error:
            reason = ' '.join(str(error).split()) if not isinstance(error, SystemExit) else 'a wrong value'
        else:
            log_format.use_own_words()      # handlers may be new
            self._tell(files, mutable)
            return True
        LOG.error('The configuration files cannot be used, nothing has changed: %s', reason)
        return False

    def _tell(self, files: cfg.ConfigOpts, mutable: _Names) -> None:
        LOG.debug('Read %s', ', '.join(files.config_file))
        changed = [f'{name} from {self._mutable[name]} to {mutable[name]}' for name in _changed(self._mutable, mutable)]
        self._mutable = mutable
        LOG.info('Read the configuration files again. Changed: %s', ', '.join(changed) or 'nothing that takes effect')
        values = _values(files, mutable=False)
        waiting = _changed(self._at_start, values)
        if self._fixed is not None:
            renewed = [name for name in waiting if name not in self._fixed]
            if renewed:
                LOG.info('New workers go by what has changed: %s', ', '.join(renewed))
            self._at_start.update({name: values[name] for name in renewed})
            waiting = [name for name in waiting if name in self._fixed]
        if waiting:
            LOG.warning('Changed in the configuration files, but without effect before a restart: %s',
                        ', '.join(waiting))

    def _read_files(self) -> cfg.ConfigOpts:
        files = cfg.ConfigOpts()
        known_options.register_opts(files)
        files(self._argv, project=self._project, default_config_files=self._default_config_files)
        return files


def _values(files: cfg.ConfigOpts, *, mutable: bool) -> _Names:
    """Return the values, or the errors, by [group]name."""
    return {f'[{group}]{option.dest}': known_options.value_of(files, group, option)
            for group, option in known_options.list_opts() if option.mutable is mutable}


def _changed(old: _Names, new: _Names) -> list[str]:
    return [name for name in sorted(old) if str(old[name]) != str(new[name])]


@contextlib.contextmanager
def _silence(name: str) -> Iterator[None]:
    logger = stdlib_logging.getLogger(name)
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False
