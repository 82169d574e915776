# SPDX-License-Identifier: Apache-2.0
"""HAProxy passes TCP on as it comes, and tells by the PROXY protocol whose connection it is."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.fixtures.connections import receive_until_eof
from tests.fixtures.load_balancers import HAProxyPassthrough
from tests.fixtures.ports import free_port
from tests.integration.load_balancers.checks import check_no_token, opened
from tests.integration.load_balancers.conftest import READY_S, USER, Front

# The example is for proxies that end TLS; these do not.
IN_THE_CLEAR = {' check-ssl verify none': ''}


def test_a_page(front: Front):
    """HAProxy's health checks go with it, as its own: the proxy that is gone is found by them."""
    with front.balancer(HAProxyPassthrough, IN_THE_CLEAR) as balancer:
        front.proxies[1].kill()
        try:
            balancer.wait_for_line('nova-novncproxy/controller-2 is DOWN')
            mark = front.proxies[0].mark()
            with socket.create_connection(('127.0.0.1', front.port), READY_S, source_address=(USER, 0)) as sock:
                sock.sendall(b'GET /vnc_auto.html HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.5\r\n'
                             b'Connection: close\r\n\r\n')
                port = sock.getsockname()[1]
                assert receive_until_eof(sock).startswith(b'HTTP/1.1 200 ')
            front.proxies[0].wait_for_line(rf'{USER}:{port} "GET /vnc_auto.html" 200', READY_S, since=mark)
        finally:
            front.starting(1)
        balancer.wait_for_line('nova-novncproxy/controller-2 is UP')
    output = front.proxies[0].output(since=mark)
    assert '203.0.113.5' not in output
    assert 'closed:' not in output


@pytest.fixture(scope='module')
def encrypted(front: Front) -> Iterator[Front]:
    """Two more proxies, which end TLS themselves."""
    ports = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        proxies = [front.cloud.add_service('nova-novncproxy', f'encrypted-{number}', {
            'DEFAULT': {'cert': front.certificate.cert, 'key': front.certificate.key, 'ssl_only': True},
            'vnc': {'novncproxy_port': port}}) for number, port in enumerate(ports)]
        for proxy in proxies:
            stack.callback(proxy.close)
        both = dataclasses.replace(front, proxies=(proxies[0], proxies[1]), proxy_ports=ports)
        both.starting(0)
        both.starting(1)
        yield both


def test_tls_is_passed_through(encrypted: Front):
    url, marks = encrypted.console_url(), encrypted.marks()
    with encrypted.balancer(HAProxyPassthrough) as balancer:
        with encrypted.open(url, headers={'X-Forwarded-For': '203.0.113.5'}) as console:
            console.see_typed('hello')
            leaving = opened(encrypted, marks, 1).index(1)
            encrypted.proxies[leaving].signal(signal.SIGTERM)
            balancer.wait_for_line(f'nova-novncproxy/controller-{leaving + 1} is DOWN')
            with encrypted.open(url) as other:
                other.see_screen()
                console.see_typed('still here')
                assert opened(encrypted, marks, 2) == [1, 1]
        ended = rf'nova-novncproxy nova-novncproxy/controller-{leaving + 1} '
        balancer.wait_for_line(ended)
        check_no_token(encrypted, balancer, url, line=ended)
    output = encrypted.cloud.output()
    assert '203.0.113.5' not in output
    assert re.search(rf'opened for {USER}:\d+$', output, re.MULTILINE)
