# SPDX-License-Identifier: Apache-2.0
"""A proxy whose relay engine fails with the first thing that a session says, as a command.

Usage: python -m tests.functional.novncproxy.failing_proxy BACKEND WEB

Prints its port and a valid token.
"""

from __future__ import annotations

import sys

from nova_vnc import concurrency


def main(web: str) -> int:
    import dataclasses
    import logging

    from nova_vnc import service
    from nova_vnc.novncproxy import factory
    from nova_vnc.relay.engine import Engine
    from nova_vnc.rpc import consoleauth
    from tests.fixtures.bus import in_process_bus
    from tests.functional.novncproxy.rig import Rig

    class Poller(concurrency.Epoll):
        """Serves no descriptor but the first one, which is the loop's own."""

        def __init__(self) -> None:
            super().__init__()
            self.own = None
            self._register, self.register = self.register, self._note

        def _note(self, fd: int, mask: int) -> None:
            self.own = self.own or fd
            self._register(fd, mask)

        def poll(self, timeout_s: float | None = None) -> list[tuple[int, int]]:
            events = super().poll(timeout_s)
            if any(fd != self.own for fd, _ in events):
                raise OverflowError('timeout is too large')
            return events

    logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s')
    with in_process_bus() as bus:
        rig = Rig(bus, web)
        with bus.serving(consoleauth.TOPIC, [rig.consoleauth]):
            proxy = factory.build_service(bus.conf, bus.transport)
            proxy._parts = dataclasses.replace(proxy._parts, engine=Engine(poller=Poller()))
            return service.serve(proxy, started=lambda: print('\nserving', proxy.port, rig.console(), flush=True))


if __name__ == '__main__':
    concurrency.patch(sys.argv[1], [])
    from nova_vnc.service import end_process
    end_process(main(sys.argv[2]))
