# SPDX-License-Identifier: Apache-2.0
import pytest

from nova_vnc import concurrency
from nova_vnc.relay.loop import EventLoop


class Once(concurrency.Epoll):
    """Ends the loop after the first wait, which it makes short if the kernel would have taken it.

    :ivar waits: what it was asked to wait, in seconds
    """

    def __init__(self):
        super().__init__()
        self.waits = []

    def poll(self, timeout_s=None):
        if timeout_s is not None:
            int(timeout_s * 1000).to_bytes(4, 'big', signed=True)  # an int of C, or OverflowError
        self.waits.append(timeout_s)
        self.loop.stop()
        return super().poll(0)


class Idle:
    def on_timer(self):
        raise AssertionError('not due yet')

    on_event = on_error = on_timer


@pytest.mark.parametrize(('due', 'longest'), [(None, None), (5.0, 5.0), (1e9, 3600.0), (-1.0, 0.0)])
def test_waits_no_longer_than_epoll_can(due, longest):
    class Late(Idle):
        def on_timer(self):
            assert due < 0

    poller = Once()
    loop = EventLoop(poller, clock=lambda: 0.0)
    poller.loop = loop
    loop.schedule(Late(), due)
    loop.run()
    loop.close()
    assert poller.waits == [longest]
