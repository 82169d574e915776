# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT]: the web server side of nova-novncproxy."""

from __future__ import annotations

from oslo_config import cfg

CLI_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'web',
        default='/usr/share/novnc',
        help="""
Directory with the files of noVNC that nova-novncproxy serves.

``core/rfb.js`` below it is what the console page needs. nova-novncproxy does not start without the directory. With an
empty value it serves no files at all, only WebSockets: the page then comes from elsewhere.
"""),
    cfg.StrOpt(
        'record',
        help="""
Prefix of the paths under which nova-novncproxy records sessions; unset, it records none.

Each session has a file of its own, ``<record>.<id>``, with the id that the session has in the log: no file is ever
written over. The format is websockify's, for noVNC's playback page. All that is typed is in it, passwords too, and
anybody who may read the file sees it; it is readable for the user of the service alone. Nothing removes old files.

nova-novncproxy does not start where the directory cannot be written to. Where a recording fails later, as on a full
disk, an ERROR in the log says so, and the session goes on.
"""),
    cfg.BoolOpt(
        'daemon',
        default=False,
        help="""
Run nova-novncproxy as a background process.

The command ends once the service listens, with status 0; where the service cannot start, with status 1 and the reason
on standard error. The background process keeps the working directory, writes no pid file, and has no terminal: set
``log_file``, ``use_syslog`` or ``use_journal``. Under a service manager leave it off, or use ``Type=forking``.
"""),
    cfg.BoolOpt(
        'ssl_only',
        default=False,
        help="""
Refuse connections without TLS.

A request in the clear gets the answer that this address takes https only. nova-novncproxy does not start where ``cert``
cannot be used. Leave it off where a load balancer ends TLS and speaks to the proxy in the clear.
"""),
    cfg.BoolOpt(
        'source_is_ipv6',
        default=False,
        help="""
Prefer IPv6 where ``[vnc]novncproxy_host`` is a name with addresses of both kinds. An address is taken as it is: set
that option to ``::`` to listen on all addresses of both kinds.
"""),
    cfg.StrOpt(
        'cert',
        default='self.pem',
        help="""
File (PEM) with the certificate for TLS towards browsers, and those between it and the root; a relative path counts
from the directory that the process was started in.

Where the file exists, TLS and connections in the clear are served on the same port; see ``ssl_only``. A renewed file
is used for new connections about a second later, without a restart, and sessions go on. While a renewed file cannot be
used, as it is incomplete or does not belong to the key, the last good one stays, and an ERROR in the log names it.
"""),
    cfg.StrOpt(
        'key',
        help="""
File (PEM) with the key of ``cert``, where it is not in the same file. The key must not be encrypted.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(CLI_OPTS)


def register_cli_opts(conf: cfg.ConfigOpts) -> None:
    """Offer --web, --cert and the like, in the spelling of Nova's nova-novncproxy."""
    conf.register_cli_opts(CLI_OPTS)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', CLI_OPTS)]
