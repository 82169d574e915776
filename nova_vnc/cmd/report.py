# SPDX-License-Identifier: Apache-2.0
"""SIGUSR2: what the process is doing at this moment, by the parts of oslo.reports (a guru meditation report).

Of threads it holds names and stacks but no variables; of options, '***' for what is secret. oslo.reports would install
a signal handler of its own, and gives no report at all where one option has a value that it cannot have.
"""

from __future__ import annotations

import re
import sys
import threading
import time
import traceback
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from oslo_reports import report
from oslo_reports.generators import process
from oslo_utils import timeutils

from nova_vnc import concurrency
from nova_vnc.cmd import known_options

LOG = logging.getLogger(__name__)

# Should a URL hold a password although its option is not marked as secret.
_PASSWORD_IN_URL = re.compile(r'(://[^\s:/@]*):[^\s/@]*@')


def write(conf: cfg.ConfigOpts, service_name: str, version: str) -> None:
    """Write a report to a file in [oslo_reports]log_dir, or to standard error.

    :raises OSError: the file cannot be written
    """
    text = render(conf, version)
    if not conf.oslo_reports.log_dir:
        print(text, file=sys.stderr, flush=True)
        return
    now = timeutils.utcnow().strftime('%Y%m%d%H%M%S')
    path = Path(conf.oslo_reports.log_dir) / f'{service_name}_gurumeditation_{now}'
    path.write_text(text)
    LOG.info('Wrote the report to %s', path)


def render(conf: cfg.ConfigOpts, version: str) -> str:
    """Return the report. It takes a second where there are many threads; (green) threads go on meanwhile."""
    made = report.TextReport('Guru Meditation')
    made.add_section('Package', lambda: f'nova-vnc {version}')
    made.add_section('Threads', _threads)
    if concurrency.is_patched():
        made.add_section('Green Threads', _green_threads)
    made.add_section('Processes', process.ProcessReportGenerator())
    made.add_section('Configuration', lambda: _options(conf))
    return _PASSWORD_IN_URL.sub(r'\1:***@', made.run())


def _threads() -> str:
    names = {thread.ident: thread.name for thread in concurrency.native_threading().enumerate()}
    return _stacks((f'Thread {ident} {names.get(ident, "")}', frame)
                   for ident, frame in sys._current_frames().items())


def _green_threads() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return _stacks((f'Green thread {names.get(id(thread), "")}', thread.gr_frame)
                   for thread in concurrency.green_threads() if thread.gr_frame is not None)


def _stacks(threads: Iterable[tuple[str, types.FrameType]]) -> str:
    # Not by the models of oslo.reports, which compile a template for each stack: 5 ms in which nobody else gets on.
    texts = []
    for title, frame in threads:
        texts.append(f'{title:-^72}\n{"".join(traceback.format_stack(frame))}')
        time.sleep(0)
    return '\n'.join(texts)


def _options(conf: cfg.ConfigOpts) -> str:
    lines = []
    for group, option in known_options.list_opts():
        lines.append(f'[{group}]{option.dest} = {_shown(conf, group, option)}')
        time.sleep(0)
    return '\n'.join(lines)


def _shown(conf: cfg.ConfigOpts, group: str, option: cfg.Opt) -> Any:
    value = known_options.value_of(conf, group, option)
    return '***' if option.secret and value is not None else value
