# SPDX-License-Identifier: Apache-2.0
"""nova-consoleauth: keeps tokens and the directory of instances."""

from __future__ import annotations

from collections.abc import Sequence

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt


def main(argv: Sequence[str] | None = None) -> None:
    interrupt.end_without_words()
    concurrency.patch()
    from nova_vnc.cmd import common
    from nova_vnc.consoleauth import factory
    common.run(argv, factory.build_service)
