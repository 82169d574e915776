# SPDX-License-Identifier: Apache-2.0
"""A proxy with a low limit of open files, as a command.

Usage: python -m tests.functional.novncproxy.limited_proxy BACKEND WEB FILES VNC_PORT [OPTION=NUMBER ...]

Options are those of [novncproxy]. Every token that begins with "valid-" opens the VNC server at VNC_PORT, each as
another VM. Prints its port.
"""

from __future__ import annotations

import sys

from nova_vnc import concurrency


def main(web: str, files: int, vnc_port: int, options: dict[str, int]) -> int:
    import logging
    import resource
    import uuid

    from nova_vnc import objects, service
    from nova_vnc.novncproxy import factory
    from nova_vnc.rpc import consoleauth
    from tests.fixtures.bus import in_process_bus
    from tests.functional.novncproxy.rig import ConsoleAuthStandIn

    class EveryToken(ConsoleAuthStandIn):

        def check_token(self, ctxt: object, token: str) -> dict[str, object]:
            if not token.startswith('valid-'):
                return super().check_token(ctxt, token)
            info = objects.ConnectInfo(
                token=token, console_type='novnc', host='127.0.0.1', port=str(vnc_port),
                instance_uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, token)), access_url='http://127.0.0.1/vnc_auto.html')
            return objects.TokenCheck(info, display_name='web-01').to_dict()

    logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s')
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with in_process_bus() as bus:
        bus.conf.set_override('novncproxy_host', '127.0.0.1', 'vnc')
        bus.conf.set_override('novncproxy_port', 0, 'vnc')
        bus.conf.set_override('web', web)
        for name, value in options.items():
            bus.conf.set_override(name, value, 'novncproxy')
        with bus.serving(consoleauth.TOPIC, [EveryToken()]):
            proxy = factory.build_service(bus.conf, bus.transport)
            return service.serve(proxy, started=lambda: print('\nserving', proxy.port, flush=True))


if __name__ == '__main__':
    concurrency.patch(sys.argv[1], [])
    from nova_vnc.service import end_process
    pairs = (option.split('=') for option in sys.argv[5:])
    end_process(main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), {name: int(value) for name, value in pairs}))
