# SPDX-License-Identifier: Apache-2.0
"""The interop matrix: which of our processes was seen working with which of a released Nova.

A test names its place in it: @pytest.mark.interop('our this -> their that', 'nova {release}'). Braces are filled from
the parameters of the test. A place with several tests is as good as the worst of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

_WORST_FIRST = ('FAILED', 'not run', 'passed')


class Matrix:
    """Rows are chains of processes, columns are releases, each in the order of the tests."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], dict[str, str]] = {}

    def expect(self, chain: str, release: str, test: str) -> None:
        """Take note of a test that will run."""
        self._places.setdefault((chain, release), {})[test] = 'not run'

    def note(self, chain: str, release: str, test: str, passed: bool) -> None:
        """Take note of an outcome; one test has several, and has failed if any has."""
        outcomes = self._places.setdefault((chain, release), {})
        if outcomes.get(test) != 'FAILED':
            outcomes[test] = 'passed' if passed else 'FAILED'

    def format(self) -> str:
        """Return the table, with a line for each chain; '-' is a place without a test."""
        chains = list(dict.fromkeys(chain for chain, _ in self._places))
        releases = list(dict.fromkeys(release for _, release in self._places))
        rows = [['chain', *releases]]
        rows += [[chain, *(_worst(self._places.get((chain, release), {})) for release in releases)]
                 for chain in chains]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in rows]
        return '\n'.join([lines[0], '  '.join('-' * width for width in widths), *lines[1:]]) + '\n'

    def __bool__(self) -> bool:
        return bool(self._places)


def _worst(outcomes: Mapping[str, str]) -> str:
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes.values()), '-')


# There only while tests of this package are run.
MATRIX = pytest.StashKey[Matrix]()


def places(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Yield chain and release of each place in the table that a test has."""
    parameters = getattr(getattr(item, 'callspec', None), 'params', {})
    for marker in item.iter_markers('interop'):
        chain, release = marker.args
        yield chain.format(**parameters), release.format(**parameters)
