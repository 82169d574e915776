# SPDX-License-Identifier: Apache-2.0
"""How the threads of an engine end."""

from __future__ import annotations

import logging
from collections.abc import Callable

LOG = logging.getLogger(__name__)

FailureObserver = Callable[[str], None]


def run_loudly(what: str, run: Callable[[], None], on_failure: FailureObserver) -> None:
    """Run the whole work of a thread; if it raises anything at all, log that and call on_failure with one line."""
    try:
        run()
    except BaseException as error:
        LOG.exception('%s failed', what)
        on_failure(f'{what} failed: {error!r}')
