# SPDX-License-Identifier: Apache-2.0
"""Statements with many values, in portions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

# Fewer than any database allows in one statement.
MAX_PARAMETERS = 500


def batches(uuids: Iterable[str]) -> Iterator[list[str]]:
    """Yield all of them in their order: whoever locks their rows does so in the order of everybody else."""
    iterator = iter(sorted(uuids))
    while some := list(itertools.islice(iterator, MAX_PARAMETERS)):
        yield some
