# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import re
import sys

import websocket

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.process import ExternalProcess
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import TIMEOUT_S, WebSocketClient


def test_a_proxy_whose_engine_fails_says_so_and_exits(tmp_path, web):
    argv = [sys.executable, '-m', 'tests.functional.novncproxy.failing_proxy', concurrency_backend(), web]
    environment = {'PYTHONPATH': os.pathsep.join(sys.path)}
    with ExternalProcess(argv, tmp_path, name='failing', environment=environment) as proxy:
        port, token = proxy.wait_for_line(r'^serving (\d+) (\S+)').groups()
        stream = WebSocketClient(websocket.create_connection(f'ws://127.0.0.1:{port}/?token={token}',
                                                             timeout=TIMEOUT_S))
        with contextlib.suppress(OSError):  # it may be gone while we still speak
            RFBClient(stream.read, stream.write).connect()
        assert proxy.wait() == 1
        assert re.search(r"CRITICAL .*OverflowError\('timeout is too large'\)", proxy.output())
        stream.client.shutdown()
