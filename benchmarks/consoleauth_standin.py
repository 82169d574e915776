# SPDX-License-Identifier: Apache-2.0
"""A nova-consoleauth to which every token is good.

argv is transport_url, the port of the VNC server, and the address of the console page, which browsers come from.

It answers the call that nova-novncproxy makes, over the real bus, and costs as little as possible. Prints a line once
it listens.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import oslo_messaging
from oslo_config import cfg

from nova_vnc import objects
from nova_vnc.conf import opts
from nova_vnc.rpc import consoleauth, server, transport


class Endpoint:

    target = oslo_messaging.Target(namespace=consoleauth.NAMESPACE, version=consoleauth.NAMESPACE_VERSION)

    def __init__(self, vnc_port: str, page_url: str) -> None:
        self._vnc_port = vnc_port
        self._page_url = page_url

    def check_token(self, ctxt: object, token: str) -> dict[str, Any]:
        # Whole as nova-consoleauth's. Each token is of a VM of its own, so that limits for each VM are kept.
        now = time.time()
        info = objects.ConnectInfo(token=token, console_type=objects.CONSOLE_TYPE_NOVNC, host='127.0.0.1',
                                   port=self._vnc_port, instance_uuid=token, last_activity_at=now,
                                   access_url=f'{self._page_url}?path=%3Ftoken%3D{token}')
        return objects.TokenCheck(info, display_name='benchmark', expires=int(now) + 600,
                                  request_id=f'req-{token}').to_dict()

    def check_tokens(self, ctxt: object, checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self.check_token(ctxt, check['token']) for check in checks]


def main() -> None:
    url, vnc_port, page_url = sys.argv[1:]
    opts.set_defaults()
    cfg.CONF([], default_config_files=[])
    bus = transport.build_transport(cfg.CONF, url)
    background = server.BackgroundServer(bus, consoleauth.TOPIC, 'benchmark', [Endpoint(vnc_port, page_url)])
    background.start(lambda reason: os._exit(1))
    if not background.wait_listening(60):
        sys.exit('no broker')
    print('listening', flush=True)
    threading.Event().wait()


if __name__ == '__main__':
    main()
