# SPDX-License-Identifier: Apache-2.0
"""A nova-consoleauth takes the check of a token and is killed; another one answers it."""

import threading
from concurrent import futures
from typing import Any

import oslo_messaging
import pytest

from nova_vnc.context import RequestContext
from nova_vnc.rpc import consoleauth
from tests.functional.consoleauth.rig import INSTANCE, Rig


class Killed:
    """Takes messages and answers none."""

    target = oslo_messaging.Target(namespace=consoleauth.NAMESPACE, version=consoleauth.NAMESPACE_VERSION)

    def __init__(self) -> None:
        self.has_taken_one = threading.Event()
        self.is_over = threading.Event()

    def check_token(self, ctxt: RequestContext, **arguments: Any) -> None:
        self.has_taken_one.set()
        self.is_over.wait(60)


@pytest.mark.parametrize('is_first', [True, False], ids=['the first check', 'a later one'])
def test_another_one_answers_a_check(rig: Rig, monkeypatch: pytest.MonkeyPatch, is_first: bool):
    monkeypatch.setattr(consoleauth, '_CHECK_AGAIN_AFTER_S', 3.0)   # else ten seconds are few for two of them
    service = rig.start()
    rig.start_compute()
    rig.report(INSTANCE)
    rig.authorize()
    if not is_first:
        rig.check()
    rig.stop(service)
    killed = Killed()
    with futures.ThreadPoolExecutor(1) as pool:
        try:
            with rig.bus.serving(consoleauth.TOPIC, [killed], 'killed'):
                check = pool.submit(rig.check)
                assert killed.has_taken_one.wait(10)
            rig.start()
            assert check.result(30).connect_info is not None
        finally:
            killed.is_over.set()
