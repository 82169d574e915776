# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-status: `upgrade check` says whether the services can run with a nova.conf as it is.

Exit status, as of every OpenStack project's command of the kind: 0 all is well, 1 something is worth a look, 2
something is broken, 255 the command itself failed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt


def main(argv: Sequence[str] | None = None) -> None:
    interrupt.end_without_words()
    concurrency.patch('threading')
    from oslo_upgradecheck import upgradecheck

    from nova_vnc import exception
    from nova_vnc.cmd import common, upgrade_checks
    checks = upgrade_checks.UpgradeChecks()
    try:
        conf = common.configure(sys.argv[1:] if argv is None else argv,
                                [lambda conf: upgradecheck.register_cli_options(conf, checks)],
                                use_stderr=True)
    except exception.ConfigurationError as error:
        print(f'{common.program()}: {error}', file=sys.stderr)
        sys.exit(255)
    upgradecheck.CONF = checks.conf = conf      # what its own main() does beside parsing
    sys.exit(upgradecheck.run(conf))
