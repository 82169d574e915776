# SPDX-License-Identifier: Apache-2.0
"""The one option of oslo.reports that is heeded."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('oslo_reports', title='Reports')

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'log_dir',
        help="""
Directory in which each report that SIGUSR2 asks for becomes a file, ``SERVICE_gurumeditation_TIME``. Without it reports
are written to standard error.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
