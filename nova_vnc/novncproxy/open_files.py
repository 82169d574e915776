# SPDX-License-Identifier: Apache-2.0
"""How many files and connections the process may have open, and what they are good for."""

from __future__ import annotations

import dataclasses
import resource

# What is open for no connection of a client's: the listening socket, the log, the loops (some 20 in all), the message
# bus, look-ups of names, the pipes that the relay lends to sessions in a hurry, and some for what only comes up at
# times, as certificates that are read again.
_FILES_OF_THE_PROCESS = 96

# A connection, and the file of the page that it reads. One that is being set up has a session's place already.
_FILES_OF_A_PENDING = 2

# A limit that is low is shared so: this part of it at most is for connections that are no sessions yet.
_PENDING_SHARE = 4


@dataclasses.dataclass(frozen=True)
class Shares:
    """What a limit of open files is good for.

    :ivar sessions: at a time
    :ivar pending: connections that are no sessions yet
    """

    sessions: int
    pending: int


def raise_limit() -> int:
    """Raise the limit as far as the process may by itself, and return it.

    The usual limit of 1024 (ulimit -n, LimitNOFILE=1024:524288 of systemd) is there for programs that use select(),
    which this one does not.
    """
    limit, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (maximum, maximum))
    except (OSError, ValueError):
        return limit  # no limit at all is more than the kernel grants
    return maximum


def share(limit: int, files_of_a_session: int, max_pending: int) -> Shares:
    """Share out a limit of open files so that neither sessions nor strangers use up those of the process.

    :param max_pending: pending connections that are wanted
    """
    left = max(0, limit - _FILES_OF_THE_PROCESS)
    pending = max(1, min(max_pending, left // _PENDING_SHARE // _FILES_OF_A_PENDING))
    return Shares(max(1, (left - pending * _FILES_OF_A_PENDING) // files_of_a_session), pending)
