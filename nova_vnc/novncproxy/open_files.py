# SPDX-License-Identifier: Apache-2.0
"""How many files and connections the process may have open."""

from __future__ import annotations

import resource


def raise_limit() -> int:
    """Raise the limit as far as the process may by itself, and return it.

    A session takes two descriptors, and the usual limit of 1024 (ulimit -n, LimitNOFILE=1024:524288 of systemd) is
    there for programs that use select(), which this one does not.
    """
    limit, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (maximum, maximum))
    except (OSError, ValueError):
        return limit  # no limit at all is more than the kernel grants
    return maximum
