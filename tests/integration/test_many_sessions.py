# SPDX-License-Identifier: Apache-2.0
"""One proxy process and many sessions: no process and no broker connection for each."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import websocket

from tests.fixtures.cloud import Cloud
from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ

SESSIONS = 500
AT_A_TIME = 16
MAX_BROKER_CONNECTIONS = 4


def open_session(url: str) -> websocket.WebSocket:
    """Open the WebSocket of a console URL and go through the RFB handshake up to ServerInit."""
    parts = urlsplit(url)
    path = parse_qs(parts.query)['path'][0]
    session = websocket.create_connection(f'ws://{parts.netloc}/{path.lstrip("/")}', timeout=60,
                                          subprotocols=['binary'], origin=f'http://{parts.netloc}')
    received = bytearray()

    def expect(count: int) -> bytes:
        while len(received) < count:
            received.extend(session.recv())
        taken = bytes(received[:count])
        del received[:count]
        return taken

    assert expect(12) == b'RFB 003.008\n'
    session.send_binary(b'RFB 003.008\n')
    assert expect(2) == b'\x01\x01'
    session.send_binary(b'\x01')
    assert expect(4) == b'\0\0\0\0'
    session.send_binary(b'\x01')
    assert len(expect(24)) == 24
    return session


def test_500_sessions_in_one_process(rabbitmq: RabbitMQ):
    # All of them are of one VM, by one link: with a limit the older ones would have to give way.
    with Cloud(rabbitmq.url, debug=False, options={'novncproxy': {'max_sessions_per_instance': 0}}) as cloud:
        url = cloud.console_url(cloud.wait_for_server())
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            sessions = list(pool.map(open_session, [url] * SESSIONS))
        try:
            assert len(cloud.novncproxy.connections(local_port=cloud.proxy_port)) == SESSIONS
            assert cloud.novncproxy.children() == []
            to_broker = cloud.novncproxy.connections(remote_port=rabbitmq.port)
            assert 1 <= len(to_broker) <= MAX_BROKER_CONNECTIONS
        finally:
            for session in sessions:
                session.shutdown()
        wait_until(lambda: not cloud.novncproxy.connections(local_port=cloud.proxy_port), 60,
                   'the proxy to let go of ended sessions')
