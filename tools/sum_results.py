# SPDX-License-Identifier: Apache-2.0
"""Add up what pytest counted: sum_results.py FILE prints the passed, failed and skipped of a JUnit file."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def sum_results(path: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed (or could not be run) and were skipped; zeros where there is no file."""
    if not path.exists():
        return 0, 0, 0
    suites = list(ET.parse(path).iter('testsuite'))
    tests, failed, errors, skipped = (sum(int(suite.get(name, 0)) for suite in suites)
                                      for name in ('tests', 'failures', 'errors', 'skipped'))
    return tests - failed - errors - skipped, failed + errors, skipped


if __name__ == '__main__':
    print(*sum_results(Path(sys.argv[1])))
