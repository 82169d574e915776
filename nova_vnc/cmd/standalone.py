# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-standalone: the whole console plane in one process, on loopback, for a look at it.

All four services run on an in-process bus and an SQLite file; nothing else needs to be installed or running but the
files of noVNC. The demo guest is the VM, or with --libvirt the VMs of this machine. Every local user and every web page
that is open in a local browser can reach the ports, so the API takes only a token made at start, and only requests to
its own address.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt


def main(argv: Sequence[str] | None = None) -> NoReturn:
    interrupt.end_without_words()
    concurrency.patch()
    from nova_vnc import exception, service
    from nova_vnc.cmd import common, standalone_services
    own, others = parse_args(sys.argv[1:] if argv is None else argv)
    try:
        conf = common.configure(others, default_config_files=[], use_stderr=True)
        built = standalone_services.build_service(conf, standalone_services.Choices(
            port=own.port, libvirt_uri=own.libvirt, web=own.web, state_path=own.state_path))
    except exception.ConfigurationError as error:
        service.end_process(common.refuse(error))
    service.end_process(service.serve(built, started=built.announce_consoles, interrupt_at_once=True,
                                      actions=common.signal_actions(conf, others, default_config_files=[])))


def parse_args(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return this command's own arguments, and the rest, which is oslo.config's."""
    parser = argparse.ArgumentParser(
        prog='nova-vnc-standalone', allow_abbrev=False,
        description='The console plane in one process: prints the URL of a console, to be opened in a browser of '
                    'this machine. Ctrl-C ends it.',
        epilog='The options of the other commands are taken too, such as --debug, --config-file FILE and '
               '--version.')
    parser.add_argument('--port', type=_port, default=6080,
                        help='TCP port of the console page on 127.0.0.1; 0 picks a free one (default: 6080)')
    parser.add_argument('--libvirt', nargs='?', const='qemu:///system', metavar='URI',
                        help='show the VMs of this libvirt instead of the demo guest (default URI: qemu:///system)')
    parser.add_argument('--web', metavar='DIR', help='directory with the files of noVNC (default: /usr/share/novnc)')
    parser.add_argument('--state-path', metavar='DIR',
                        help='keep the database here (default: a new directory, removed at the end)')
    return parser.parse_known_args(list(argv))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f'{text!r} is not a TCP port (0 to 65535)')
    return int(text)
