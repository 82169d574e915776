# SPDX-License-Identifier: Apache-2.0
from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.server import DemoServer
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID


def test_a_client_sees_the_screen_and_types(rig):
    guest = DemoServer(Screen('demo'), b'demo-guest')
    guest.start()
    try:
        rig.start()
        host, port = guest.address
        stream = rig.open_console(rig.grant(host, port))
        client = RFBClient(stream.read, stream.write)
        server_init = client.connect()
        assert server_init.name.decode() == f'{DISPLAY_NAME} ({INSTANCE_UUID})'
        client.type_text('hello')
        client.wait_for_text('hello')
        assert len(rig.proxy._parts.registry) == 1
        stream.client.close()
        wait_until(lambda: len(rig.proxy._parts.registry) == 0, 10, 'the session to end')
    finally:
        guest.stop()
