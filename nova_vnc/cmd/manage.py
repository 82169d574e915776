# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-manage: what an operator does to the database of nova-consoleauth, with the same nova.conf."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt


def main(argv: Sequence[str] | None = None) -> None:
    interrupt.end_without_words()
    concurrency.patch('threading')
    from nova_vnc import exception
    from nova_vnc.cmd import common, manage_commands
    from nova_vnc.conf import refusal
    try:
        conf = common.configure(sys.argv[1:] if argv is None else argv, [manage_commands.register_cli_opts])
        with refusal.naming_options(conf):
            manage_commands.run(conf)
    except (exception.ConfigurationError, exception.StoreUnavailable, exception.InvalidInput) as error:
        sys.exit(common.refuse(error))
