# SPDX-License-Identifier: Apache-2.0
import pytest
from oslo_messaging._drivers import amqpdriver

from nova_vnc.rpc import readers


def test_this_release_of_oslo_messaging_has_the_constant(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(amqpdriver, 'ACK_REQUEUE_EVERY_SECONDS_MIN', 0.001)
    readers.calm()
    assert 0.001 < amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MIN < amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MAX


def test_a_release_without_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(amqpdriver, 'ACK_REQUEUE_EVERY_SECONDS_MIN')
    readers.calm()
    assert not hasattr(amqpdriver, 'ACK_REQUEUE_EVERY_SECONDS_MIN')
