# SPDX-License-Identifier: Apache-2.0
"""The interop matrix: which of our processes was seen working with which of a released Nova.

A test names its place in it: @pytest.mark.interop('our this -> their that', 'nova {release}'). Braces are filled from
the parameters of the test. A place with several tests is as good as the worst of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest

_WORST_FIRST = ('FAILED', 'not run', 'passed')

Place = tuple[str, str, str]    # chain, release, test


class Matrix:
    """Rows are chains of processes, columns are releases, each in the order of the tests.

    :ivar expected: chain, release and test of all that will run
    """

    def __init__(self) -> None:
        self.expected: list[Place] = []
        self._outcomes: dict[Place, str] = {}

    def note(self, chain: str, release: str, test: str, passed: bool) -> None:
        """Take note of an outcome; one test has several, and has failed if any has."""
        if self._outcomes.get((chain, release, test)) != 'FAILED':
            self._outcomes[chain, release, test] = 'passed' if passed else 'FAILED'

    def format(self) -> str:
        """Return the table, with a line for each chain; '-' is a place without a test."""
        places: dict[tuple[str, str], list[str]] = {}
        for chain, release, test in dict.fromkeys([*self.expected, *self._outcomes]):
            places.setdefault((chain, release), []).append(self._outcomes.get((chain, release, test), 'not run'))
        chains = list(dict.fromkeys(chain for chain, _ in places))
        releases = list(dict.fromkeys(release for _, release in places))
        rows = [['chain', *releases]]
        rows += [[chain, *(_worst(places.get((chain, release), [])) for release in releases)] for chain in chains]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in rows]
        return '\n'.join([lines[0], '  '.join('-' * width for width in widths), *lines[1:]]) + '\n'

    def __bool__(self) -> bool:
        return bool(self.expected or self._outcomes)


def _worst(outcomes: Collection[str]) -> str:
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), '-')


def places(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Yield chain and release of each place in the table that a test has."""
    parameters = getattr(getattr(item, 'callspec', None), 'params', {})
    for marker in item.iter_markers('interop'):
        chain, release = marker.args
        yield chain.format(**parameters), release.format(**parameters)
