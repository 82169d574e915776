# SPDX-License-Identifier: Apache-2.0
"""Two proxies behind HAProxy, one of them with two workers, and two nova-consoleauth on one RabbitMQ and one MariaDB.

One of each is killed, together with all its processes, while consoles are open and users keep opening more.
"""

import contextlib
import time
from collections.abc import Iterator

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.cloud import Cloud
from tests.fixtures.database_server import MariaDB, open_database
from tests.fixtures.load_balancers import HAProxy
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import assert_no_traceback
from tests.integration.load_balancers.conftest import READY_S, Front
from tests.integration.load_balancers.two_of_everything import Plane, Users, count_authorized

USERS = 3
WORKERS = 2


@pytest.fixture(scope='module')
def plane(rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    authority = CertificateAuthority(tmp_path_factory.mktemp('ca'))
    port, second_port = free_port(), free_port()
    with contextlib.ExitStack() as parts:
        url = parts.enter_context(parts.enter_context(MariaDB()).new_url())
        with contextlib.closing(open_database(url)) as database:
            database.sync()
        cloud = parts.enter_context(Cloud(rabbitmq.new_vhost(), options={
            'database': {'connection': url},
            'vnc': {'novncproxy_base_url': f'https://127.0.0.1:{port}/vnc_auto.html'},
            'novncproxy': {'trusted_proxies': '127.0.0.1'}}))
        second_proxy = cloud.add_service('nova-novncproxy', 'second', {
            'vnc': {'novncproxy_port': second_port}, 'novncproxy': {'workers': WORKERS}})
        second_consoleauth = cloud.add_service('nova-consoleauth', 'second-consoleauth')
        second_consoleauth.start()
        front = Front(cloud, port, (cloud.novncproxy, second_proxy), (cloud.proxy_port, second_port),
                      authority.server(), authority.ca)
        front.starting(1)
        second_proxy.wait_for_line(f'{WORKERS} workers serve', READY_S)
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
        with front.balancer(HAProxy) as balancer:
            yield Plane(front, balancer, (cloud.consoleauth, second_consoleauth))
        assert_no_traceback([*cloud.services, second_proxy, second_consoleauth])


def test_any_proxy_serves_any_token(plane: Plane):
    for number in (0, 1):
        sessions = plane.open_at_each(plane.url_made_by(number))
        for proxy, of_proxy in enumerate(sessions):
            for session in of_proxy:
                session.see_typed(f'token {number} proxy {proxy}')
                session.close()


def test_one_proxy_is_killed(plane: Plane):
    """Its sessions end, and nobody else notices anything; back again, it gets its part."""
    lost_one = plane.front.proxies[1]
    kept, lost = plane.open_at_each(plane.console_url())
    with Users(plane, USERS).busy() as users:
        users.wait_for_more()
        lost_one.kill()
        killed_at = time.monotonic()
        for session in lost:
            session.wait_for_close()
        for session in kept:
            session.see_typed('still here')
        plane.wait_for_state(1, 'DOWN')
        users.wait_for_more()
        # Only who was at that proxy just then has to try again.
        assert users.failed(since=killed_at) == []
        assert len(users.failed()) <= USERS

        plane.front.starting(1)
        plane.wait_for_state(1, 'UP')
        users.wait_for_more()
        assert users.failed(since=killed_at) == []
    for session in kept:
        session.see_typed('after')
        session.close()
    for of_proxy in plane.open_at_each(plane.console_url()):
        for session in of_proxy:
            session.see_typed('both')
            session.close()


def test_one_consoleauth_is_killed(plane: Plane):
    """Nobody notices anything, whichever it is; and what it has authorized is valid for the other."""
    urls = [plane.url_made_by(number) for number in (0, 1)]
    with Users(plane, USERS).busy() as users, plane.front.open(urls[0]) as session:
        users.wait_for_more()
        for number, url in enumerate(urls):
            lost_one = plane.consoleauths[number]
            lost_one.kill()
            users.wait_for_more()
            with plane.front.open(url) as other:
                other.see_typed(f'token {number}')
            session.see_typed(f'without {number}')
            lost_one.start()
            before = count_authorized(lost_one)
            wait_until(lambda one=lost_one, before=before: count_authorized(one) > before, READY_S, 'it to take part')
            users.wait_for_more()
    assert users.failed() == []
