# SPDX-License-Identifier: Apache-2.0
"""nova-novncproxy: WebSocket in, token check, RFB security, relay out."""

from __future__ import annotations

from collections.abc import Sequence

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt


def main(argv: Sequence[str] | None = None) -> None:
    interrupt.end_without_words()
    concurrency.patch()
    from nova_vnc.cmd import common, supervise
    from nova_vnc.conf import vnc, web
    from nova_vnc.novncproxy import factory
    workers = supervise.Workers(factory.count_workers, factory.listen, factory.FIXED_OPTIONS)
    common.run(argv, factory.build_service, (vnc.register_cli_opts, web.register_cli_opts), can_be_daemon=True,
               workers=workers)
