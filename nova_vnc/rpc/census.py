# SPDX-License-Identifier: Apache-2.0
"""Who consumes the queue of nova-consoleauth: ours, Nova's own, or both, which then get a part of the questions each.

RabbitMQ deals the messages of a queue to its consumers in turn, so a few more questions than there are consumers reach
all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from nova_vnc import exception
from nova_vnc.rpc import caller

_MAX_QUESTIONS = 20


@dataclasses.dataclass(frozen=True)
class Census:
    """What the consumers of a queue answered when they were asked for a method of our own.

    :ivar consumers: how many there are
    """

    consumers: int
    ours: int = 0
    foreign: int = 0    # do not know the method
    silent: int = 0     # no answer in time


def take(consumers: int, ask: Callable[[], object]) -> Census:
    """Ask all consumers of a queue.

    :param ask: sends one question and raises what rpc.caller.Caller.call raises
    """
    counts = {'ours': 0, 'foreign': 0, 'silent': 0}
    for _ in range(min(2 * consumers, _MAX_QUESTIONS)):
        try:
            ask()
        except caller.UnknownMethod:
            counts['foreign'] += 1
        except caller.NotAsked:
            break
        except caller.NoAnswer:
            counts['silent'] += 1
        except exception.NovaVNCError:      # it knows the method, and cannot answer now
            counts['ours'] += 1
        else:
            counts['ours'] += 1
    return Census(consumers, **counts)
