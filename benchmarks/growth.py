# SPDX-License-Identifier: Apache-2.0
"""Whether something grows without end: the straight line through what was seen in the last half of a run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def last_half(times: Sequence[float], values: Sequence[float]) -> float:
    """Return by how much a line fitted by least squares rises from the middle of the run to its end.

    :raises ValueError: fewer than two samples in that half
    """
    middle = (times[0] + times[-1]) / 2 if times else 0.0
    late = [(when, value) for when, value in zip(times, values, strict=True) if when >= middle]
    if len(late) < 2:
        raise ValueError('A line needs two samples in the last half of the run')
    slope, _ = statistics.linear_regression([when for when, _ in late], [value for _, value in late])
    return slope * (late[-1][0] - late[0][0])
