# SPDX-License-Identifier: Apache-2.0
"""Areas of a picture, and which of them have changed.

A picture is a bytes object with one byte for each pixel, line after line from the top.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Area:
    """In pixels, from the top left corner."""

    x: int
    y: int
    width: int
    height: int

    def is_empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def intersection(self, other: Area) -> Area:
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Area(x, y, right - x, bottom - y)

    def union(self, other: Area) -> Area:
        """Return the smallest area that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Area(x, y, right - x, bottom - y)


def line_slices(area: Area, picture_width: int) -> Iterator[slice]:
    """Yield where in the picture each line of the area lies, from the top."""
    first = area.y * picture_width + area.x
    for start in range(first, first + area.height * picture_width, picture_width):
        yield slice(start, start + area.width)


def crop(picture: bytes, picture_width: int, area: Area) -> bytes:
    return b''.join(picture[line] for line in line_slices(area, picture_width))


def paste(picture: bytes, picture_width: int, area: Area, pixels: bytes) -> bytes:
    """Return the picture with an area replaced by pixels as crop() returns them."""
    result = bytearray(picture)
    for number, line in enumerate(line_slices(area, picture_width)):
        result[line] = pixels[number * area.width:(number + 1) * area.width]
    return bytes(result)


def changed_areas(before: bytes, after: bytes, picture_width: int, within: Area) -> list[Area]:
    """Return areas that together hold all changes within an area: one for each run of lines."""
    differences = [_difference(before[line], after[line])
                   for line in line_slices(within, picture_width)]
    areas = []
    y = within.y
    for has_changed, run in itertools.groupby(differences, key=bool):
        lines = list(run)
        if has_changed:
            areas.append(_area_of_run(lines, y, within))
        y += len(lines)
    return areas


def _difference(before: bytes, after: bytes) -> int:
    # As one big number for each line, so that no pixel is looked at in Python.
    if before == after:
        return 0
    return int.from_bytes(before, 'little') ^ int.from_bytes(after, 'little')


def _area_of_run(differences: list[int], y: int, within: Area) -> Area:
    combined = 0
    for difference in differences:
        combined |= difference
    lowest_set_bit = (combined & -combined).bit_length() - 1
    left, right = lowest_set_bit // 8, (combined.bit_length() + 7) // 8
    return Area(within.x + left, y, right - left, len(differences))
