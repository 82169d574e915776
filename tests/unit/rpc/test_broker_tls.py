# SPDX-License-Identifier: Apache-2.0

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from nova_vnc.rpc import broker, broker_log, transport
from tests.fixtures.bus import new_conf


@contextlib.contextmanager
def port_that_hangs_up() -> Iterator[int]:
    """As one of a broker that is being stopped: connections are taken, and closed once the client has spoken."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    sock.recv(1000)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def test_of_a_broker_that_hangs_up_in_the_clear_nothing_is_said_about_tls() -> None:
    with port_that_hangs_up() as port:
        looked_at = transport.broker_of(transport.build_transport(new_conf(), f'rabbit://a:b@127.0.0.1:{port}/'))
        broker_log.install()
        assert looked_at is not None
        with pytest.raises(broker.ERRORS) as caught:
            looked_at.look()
        assert 'ssl' not in str(caught.value).lower()
