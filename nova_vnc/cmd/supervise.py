# SPDX-License-Identifier: Apache-2.0
"""A command whose service is spread over several processes: it is the parent of them, or one of them."""

from __future__ import annotations

import dataclasses
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

from oslo_config import cfg

from nova_vnc import service, systemd
from nova_vnc.cmd import log_options
from nova_vnc.workers import member
from nova_vnc.workers.member import Membership
from nova_vnc.workers.supervisor import DEFAULT_WATCHDOG_S, Supervisor


@dataclasses.dataclass(frozen=True)
class Workers:
    """How a service is spread over processes.

    :ivar count: how many, by the options
    :ivar listen: opens the listening socket of all; raises ConfigurationError
    :ivar fixed_options: that new workers do not go by, as the parent does: [group]name
    """

    count: Callable[[cfg.ConfigOpts], int]
    listen: Callable[[cfg.ConfigOpts], socket.socket]
    fixed_options: frozenset[str]


def join(argv: Sequence[str]) -> Membership | None:
    """Return what this process has inherited, if a parent has started it as a worker."""
    membership = member.join(log_options.reopen_files)
    if membership is not None:
        membership.show_in_title(sys.argv[0].rpartition('/')[2], argv)
    return membership


def serve(conf: cfg.ConfigOpts, workers: Workers, count: int, started: Callable[[], None] | None,
          actions: Mapping[int, Callable[[], bool]]) -> int:
    """Be the parent of so many workers until a signal; return the exit status of the process.

    :param started: called once all workers serve
    :param actions: what this process itself does on signals; where SIGHUP's succeeds, the workers are replaced
    """
    notifier = systemd.connect()
    supervisor = Supervisor(count, lambda: workers.listen(conf), notifier.watchdog_s or DEFAULT_WATCHDOG_S,
                            are_mute=started is not None)
    return service.serve(supervisor, started, notifier=notifier, actions={
        number: _with_workers(supervisor, number, action) for number, action in actions.items()})


def _with_workers(supervisor: Supervisor, number: int, action: Callable[[], bool]) -> Callable[[], None]:
    def act() -> None:
        if number != signal.SIGHUP:
            supervisor.signal(number)
            action()
        elif action():
            supervisor.reload()
    return act
