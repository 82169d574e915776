# SPDX-License-Identifier: Apache-2.0
"""Options of the console that have no meaning any more, or none here: none of them stops a start.

A nova.conf that has grown over the years holds some. An option that has only changed its name is not among them; that
is what oslo.config warns of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from oslo_config import cfg

from nova_vnc.conf import files


@dataclasses.dataclass(frozen=True)
class RetiredOption:
    """
    :ivar removed_in: release of Nova that knows it no longer; '' where Nova has it still
    :ivar advice: a sentence: what the operator does about it
    """

    group: str
    name: str
    removed_in: str
    advice: str

    def __str__(self) -> str:
        since = f'removed in Nova {self.removed_in}' if self.removed_in else 'without meaning here'
        return f'[{self.group}]{self.name} ({since}): {self.advice}'


_KEYMAP = 'Remove it. noVNC sends the keys themselves; the layout is set in the guest.'
_XVP = 'Remove it: consoles of XVP have gone with XenServer. Users ask for a console of type novnc.'
_FIXED_TOPIC = 'Remove it: the topic is fixed. If it held another name than the default, no service uses that now.'
_MANAGER = 'Remove it: the class of the manager can no longer be chosen.'
_DEBUGGER = 'Remove it: no service connects to a debugger. SIGUSR2 makes a service write down what it is doing.'

_OLD_API = '32.0.0 (Flamingo)'
_OTHER_SERVER = 'Remove it: it is for another server. [api]threads says how many requests go on at once.'


def _both(name: str, group: str, removed_in: str, advice: str) -> Iterator[RetiredOption]:
    """The option, and its older name in [DEFAULT]."""
    yield RetiredOption(group, name, removed_in, advice)
    yield RetiredOption('DEFAULT', name, removed_in, advice)


# Read in the releases of Nova themselves: the last one that defines the option comes right before the one named.
OPTIONS: tuple[RetiredOption, ...] = (
    RetiredOption('vnc', 'keymap', '22.0.0 (Victoria)', _KEYMAP),
    RetiredOption('DEFAULT', 'vnc_keymap', '22.0.0 (Victoria)', _KEYMAP),
    *_both('xvpvncproxy_host', 'vnc', '21.0.0 (Ussuri)', _XVP),
    *_both('xvpvncproxy_port', 'vnc', '21.0.0 (Ussuri)', _XVP),
    *_both('xvpvncproxy_base_url', 'vnc', '21.0.0 (Ussuri)', _XVP),
    *(option for name in ('console_xvp_conf_template', 'console_xvp_conf', 'console_xvp_pid', 'console_xvp_log',
                          'console_xvp_multiplex_port')
      for option in _both(name, 'xvp', '21.0.0 (Ussuri)', _XVP)),
    RetiredOption('DEFAULT', 'consoleauth_topic', '16.0.0 (Pike)', _FIXED_TOPIC),
    RetiredOption('DEFAULT', 'console_topic', '16.0.0 (Pike)', _FIXED_TOPIC),
    RetiredOption('DEFAULT', 'console_driver', '16.0.0 (Pike)', _XVP),
    RetiredOption('DEFAULT', 'consoleauth_manager', '15.0.0 (Ocata)', _MANAGER),
    RetiredOption('DEFAULT', 'console_manager', '15.0.0 (Ocata)', _MANAGER),
    *_both('console_public_hostname', 'xenserver', '22.0.0 (Victoria)', _XVP),
    RetiredOption('upgrade_levels', 'console', '21.0.0 (Ussuri)', 'Remove it: there is no nova-console any more.'),
    RetiredOption('workarounds', 'enable_consoleauth', '20.0.0 (Train)',
                  'Remove it: the proxy here asks nova-consoleauth always.'),
    RetiredOption('remote_debug', 'host', _OLD_API, _DEBUGGER),
    RetiredOption('remote_debug', 'port', _OLD_API, _DEBUGGER),
    RetiredOption('DEFAULT', 'osapi_compute_workers', _OLD_API,
                  'Remove it: nova-vnc-api is one process with [api]threads threads. A WSGI server such as uWSGI runs '
                  'several.'),
    *_both('wsgi_log_format', 'wsgi', _OLD_API, _OTHER_SERVER),
    *_both('tcp_keepidle', 'wsgi', _OLD_API, _OTHER_SERVER),
    *_both('max_header_line', 'wsgi', _OLD_API, _OTHER_SERVER),
    *_both('client_socket_timeout', 'wsgi', _OLD_API, _OTHER_SERVER),
    RetiredOption('wsgi', 'default_pool_size', _OLD_API, _OTHER_SERVER),
    RetiredOption('DEFAULT', 'wsgi_default_pool_size', _OLD_API, _OTHER_SERVER),
    RetiredOption('wsgi', 'keep_alive', _OLD_API, _OTHER_SERVER),
    RetiredOption('DEFAULT', 'wsgi_keep_alive', _OLD_API, _OTHER_SERVER),
)

_BY_NAME = {(option.group, option.name): option for option in OPTIONS}

# Flags of Queens' nova-consoleauth and nova-novncproxy that are Nova's and oslo.log's no longer.
WATCH_LOG_FILE = cfg.BoolOpt('watch-log-file', default=False, help='Without meaning; log files are watched always.')
DEBUGGER_GROUP = cfg.OptGroup('remote_debug', title='Remote debugger options')
DEBUGGER_OPTS: list[cfg.Opt] = [
    cfg.StrOpt('host', help='Without meaning; no service connects to a debugger.'),
    cfg.StrOpt('port', help='Without meaning; no service connects to a debugger.'),
]


def find(paths: Iterable[str]) -> list[tuple[str, RetiredOption]]:
    """Tell which of the options stand in these files: (path, option) of each, in the order of OPTIONS for each file.

    :param paths: as files.paths_of() has them
    :raises cfg.Error, OSError, UnicodeDecodeError: a file cannot be read
    """
    return [(path, option) for path in paths for option in among((group, name) for group, name, _ in
                                                                 files.entries(path))]


def among(names: Iterable[tuple[str, str]]) -> list[RetiredOption]:
    """Tell which of the options are among these (group, name), in the order of OPTIONS."""
    found = {(group, name.replace('-', '_')) for group, name in names}
    return [option for key, option in _BY_NAME.items() if key in found]


def register_cli_opts(conf: cfg.ConfigOpts) -> None:
    """Accept the flags that have lost their meaning. To be called when oslo.log has registered its own."""
    if 'watch_log_file' not in conf:    # older releases of oslo.log have it
        conf.register_cli_opt(WATCH_LOG_FILE)
    conf.register_group(cfg.OptGroup(DEBUGGER_GROUP.name, title=DEBUGGER_GROUP.title))
    conf.register_cli_opts(DEBUGGER_OPTS, group=DEBUGGER_GROUP.name)
