# SPDX-License-Identifier: Apache-2.0
"""The examples of the operator's guide: HAProxy, nginx and Apache end TLS before two proxies."""

from __future__ import annotations

import signal
import time

import pytest
import requests
import websocket

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.console_client import open_console
from tests.fixtures.load_balancers import Apache, HAProxy, LoadBalancer, Nginx
from tests.fixtures.pictures import demo_text, find_picture
from tests.fixtures.polling import wait_until
from tests.integration.load_balancers.checks import check_no_token, opened
from tests.integration.load_balancers.conftest import READY_S, STRANGER, USER, Front

# What a user may say of himself.
FORGED = {'X-Forwarded-For': '203.0.113.5', 'X-Forwarded-Proto': 'http'}


@pytest.mark.parametrize('kind', [HAProxy, Nginx, Apache])
def test_a_console(front: Front, kind: type[LoadBalancer]):
    url, marks = front.console_url(), front.marks()
    with front.balancer(kind) as balancer:
        assert '<title>' in requests.get(url, verify=front.ca, timeout=READY_S).text
        with front.open(url, headers=FORGED) as console:
            console.see_typed('hello')
            assert sum(opened(front, marks, 1)) == 1
        check_no_token(front, balancer, url)
    assert '203.0.113.5' not in front.cloud.output()


@pytest.mark.skipif(concurrency_backend() == 'threading', reason='Chromium runs under the default backend')
def test_a_browser(front: Front, browser: Browser):
    url, marks = front.console_url(), front.marks()
    with front.balancer(HAProxy) as balancer:
        browser.open(url)
        browser.wait_for("document.body.dataset.state === 'connected'")
        browser.type('hello')
        wait_until(lambda: find_picture(browser.canvas_image(), demo_text('hello')), READY_S, 'the word on the screen')
        assert sum(opened(front, marks, 1, '127.0.0.1')) == 1
        check_no_token(front, balancer, url)


@pytest.mark.parametrize('kind', [HAProxy, Nginx, Apache])
def test_one_proxy_is_gone(front: Front, kind: type[LoadBalancer]):
    url = front.console_url()
    with front.balancer(kind) as balancer:
        front.proxies[1].kill()
        try:
            marks = front.marks()
            for _ in range(3):
                with front.open(url) as console:
                    console.see_screen()
            assert opened(front, marks, 3) == [3, 0]
        finally:
            front.starting(1)
        check_no_token(front, balancer, url)


def test_one_proxy_is_drained_while_the_other_takes_over(front: Front):
    url, marks = front.console_url(), front.marks()
    with front.balancer(HAProxy) as balancer, front.open(url) as first, front.open(url) as second:
        assert opened(front, marks, 2) == [1, 1]
        marks = front.marks()
        leaving = front.proxies[1]
        leaving.signal(signal.SIGTERM)
        leaving.wait_for_line(r'1 sessions may go on for 600 s', READY_S, since=marks[1])
        for number in range(4):
            with front.open(url) as console:
                console.see_typed(f'other {number}')
        assert opened(front, marks, 4) == [4, 0]
        balancer.wait_for_line(r'nova-novncproxy/controller-2 is DOWN')
        for console in (first, second):
            console.see_typed('still here')
        for console in (first, second):
            console.close()
        assert leaving.wait(READY_S) == 0
        marks = front.marks()
        front.starting(1)
        balancer.wait_for_line(r'nova-novncproxy/controller-2 is UP')
        with front.open(url), front.open(url):
            assert opened(front, marks, 2) == [1, 1]
        check_no_token(front, balancer, url)


def test_an_idle_console_outlives_the_timeouts_of_requests(front: Front):
    with front.balancer(HAProxy, {'timeout client 30s': 'timeout client 1s'}), front.open() as console:
        console.see_typed('before')
        time.sleep(3)   # the silence is what is tested
        console.see_typed('after')


def test_no_proxy_is_there(front: Front):
    url = front.console_url()
    nobody = {f'127.0.0.1:{port}': '127.0.0.1:9' for port in front.proxy_ports}
    with front.balancer(HAProxy, nobody) as balancer:
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            front.open(url)
        assert caught.value.status_code == 503
        check_no_token(front, balancer, url)


def test_a_stranger_who_comes_past_the_load_balancer(front: Front):
    """His headers tell nothing: neither who he is, nor that he has come by https."""
    url = front.console_url()
    past = url.replace(f'127.0.0.1:{front.port}', f'127.0.0.1:{front.proxy_ports[0]}').replace('https:', 'http:')
    mark = front.proxies[0].mark()
    with pytest.raises(Exception, match='exactly the address'):
        open_console(past, source=STRANGER, headers={'X-Forwarded-For': USER, 'X-Forwarded-Proto': 'https'})
    front.proxies[0].wait_for_line(rf'refused {STRANGER}:\d+ with 403', since=mark)
