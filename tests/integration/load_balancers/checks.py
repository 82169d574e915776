# SPDX-License-Identifier: Apache-2.0
"""What holds whatever load balancer it is."""

from __future__ import annotations

import re

from tests.fixtures.console_client import token_of
from tests.fixtures.load_balancers import LoadBalancer
from tests.fixtures.polling import wait_until
from tests.integration.load_balancers.conftest import READY_S, USER, Front


def opened(front: Front, marks: list[tuple[int, int]], total: int, peer: str = USER) -> list[int]:
    """Return how many consoles each proxy has opened for a peer since then, once it is so many in all.

    A client may be further than the line in the log.
    """
    def count() -> list[int]:
        return [len(re.findall(rf'opened for {re.escape(peer)}(:\d+)?$', proxy.output(since=mark), re.MULTILINE))
                for proxy, mark in zip(front.proxies, marks, strict=True)]
    wait_until(lambda: sum(count()) >= total, READY_S, f'{total} consoles opened')
    return count()


def check_no_token(front: Front, balancer: LoadBalancer, *console_urls: str, line: str = 'GET /') -> None:
    """See to it that nobody's log has a token.

    :param line: part of a line that the load balancer has written of a console
    """
    wait_until(lambda: line in balancer.logs(), READY_S, f'a line with {line!r} in the log of the load balancer')
    logs = balancer.logs() + front.cloud.output()
    assert [url for url in console_urls if token_of(url) in logs] == []
