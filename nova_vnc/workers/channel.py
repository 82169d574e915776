# SPDX-License-Identifier: Apache-2.0
"""What a worker inherits, and what it and its parent say to each other. Both ends import this.

The channel is a pair of sockets that keeps messages apart and ends with either process (SOCK_SEQPACKET). A worker says
what it would say to systemd (sd_notify(3)), and why it cannot start; the parent gives orders. No signal is needed for
them: a signal may also come from a terminal or a service manager, which sends it to parent and workers alike.
"""

from __future__ import annotations

import dataclasses
import enum

# In the environment of a worker.
VARIABLE = 'NOVA_VNC_WORKER'

MAX_MESSAGE_BYTES = 4096

READY = 'READY=1'
STOPPING = 'STOPPING=1'
SESSIONS = 'STATUS='    # the number, and a word
REFUSAL = 'X_NOVA_VNC_REFUSAL='     # the reason follows


class Order(enum.Enum):
    """What a parent tells a worker; each includes those above it."""

    RETIRE = b'retire'  # take nobody new; sessions go on until they end
    STOP = b'stop'      # ... for drain_timeout
    HURRY = b'hurry'    # ... no more


@dataclasses.dataclass(frozen=True)
class Inheritance:
    """
    :ivar number: of the worker, from 1
    :ivar listener: descriptor of the listening socket
    :ivar channel: descriptor of the channel
    :ivar watchdog_s: seconds without a sign of life after which the parent ends the worker
    """

    number: int
    listener: int
    channel: int
    watchdog_s: float

    def serialize(self) -> str:
        return f'{self.number}:{self.listener}:{self.channel}:{self.watchdog_s}'


def parse_inheritance(text: str) -> Inheritance:
    """:raises ValueError: no parent of ours has written that"""
    number, listener, channel, watchdog_s = text.split(':')
    return Inheritance(int(number), int(listener), int(channel), float(watchdog_s))
