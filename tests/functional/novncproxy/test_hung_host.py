# SPDX-License-Identifier: Apache-2.0
"""Many clients that try again and again to open consoles of VMs on a host that hangs."""

import contextlib
import threading
import time
import uuid

import oslo_messaging
import pytest

from nova_vnc import objects
from nova_vnc.rpc import consoleauth
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import build_upgrade

CLIENTS = 60
# What a user of another VM may notice.
SOON_S = 3.0


class NovasConsoleAuth:
    """Answers as Nova's does: nothing, while it waits for a host.

    :param stand_in: of ours; knows the tokens
    """

    target = oslo_messaging.Target(version=consoleauth.NOVA_VERSION)

    def __init__(self, stand_in):
        self._stand_in = stand_in

    def check_token(self, ctxt, token):
        return self._stand_in.check_token(ctxt, token)['connect_info']


@pytest.fixture(params=['ours', "Nova's"])
def started(rig, request):
    """A proxy whose consoleauth waits for hosts."""
    endpoint = rig.consoleauth if request.param == 'ours' else NovasConsoleAuth(rig.consoleauth)
    with rig.bus.serving(consoleauth.TOPIC, [endpoint]):
        yield rig.start(with_consoleauth=False, token_check_timeout=8)
        rig.stop()


@contextlib.contextmanager
def retrying(rig, tokens):
    """Let a client for each of these tokens try to open its console, again and again."""
    stop, come_back = threading.Event(), threading.Event()
    begun = []

    def wait_for_host():
        come_back.wait(30)
        return objects.TokenCheck(None, objects.REASON_HOST_SILENT)

    def try_again(token):
        while not stop.is_set():
            with contextlib.suppress(OSError):
                sock = rig.connect()
                sock.sendall(build_upgrade(f'/?token={token}'))
                begun.append(token)
                receive_until_eof(sock)
    for token in tokens:
        rig.consoleauth.checks[token] = wait_for_host
    threads = [threading.Thread(target=try_again, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(begun) >= len(tokens), 10, 'all clients')
        yield
    finally:
        stop.set()
        come_back.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize('count', [1, CLIENTS], ids=['one link', 'a link for each'])
def test_users_of_other_vms_do_not_notice(started, count):
    links = [str(uuid.uuid4()) for _ in range(count)]
    with retrying(started, links * (CLIENTS // count)):
        for _ in range(6):
            begin = time.monotonic()
            stream = started.open_console(started.console())
            RFBClient(stream.read, stream.write).connect()
            assert time.monotonic() - begin < SOON_S
            time.sleep(0.5)
