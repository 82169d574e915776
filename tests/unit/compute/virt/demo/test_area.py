# SPDX-License-Identifier: Apache-2.0

from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.compute.virt.demo.area import Area, changed_areas, crop, paste

WIDTH, HEIGHT = 7, 5
PICTURES = st.binary(min_size=WIDTH * HEIGHT, max_size=WIDTH * HEIGHT)


@st.composite
def areas(draw):
    x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    return Area(x, y, draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y)))


@st.composite
def changes(draw):
    """A picture, and the same after some pixels have changed."""
    before = draw(PICTURES)
    after = bytearray(before)
    for position in draw(st.lists(st.integers(0, len(before) - 1), max_size=4)):
        after[position] ^= 1
    return before, bytes(after)


@given(changes(), areas())
def test_the_changed_areas_carry_all_changes_and_stay_within(change, within):
    before, after = change
    updated = before
    for area in changed_areas(before, after, WIDTH, within):
        assert area.intersection(within) == area
        updated = paste(updated, WIDTH, area, crop(after, WIDTH, area))
    assert updated == paste(before, WIDTH, within, crop(after, WIDTH, within))


@given(PICTURES, areas())
def test_nothing_has_changed_in_the_same_picture(picture, within):
    assert changed_areas(picture, bytes(picture), WIDTH, within) == []


def test_changed_areas_are_tight():
    before = bytes(WIDTH * HEIGHT)
    after = paste(before, WIDTH, Area(2, 1, 3, 2), b'\x80' * 6)
    after = paste(after, WIDTH, Area(6, 4, 1, 1), b'\1')
    assert changed_areas(before, after, WIDTH, Area(0, 0, WIDTH, HEIGHT)) == [
        Area(2, 1, 3, 2), Area(6, 4, 1, 1)]


def test_union_and_intersection():
    one, other = Area(1, 1, 3, 3), Area(2, 3, 5, 5)
    assert one.union(other) == Area(1, 1, 6, 7)
    assert one.intersection(other) == Area(2, 3, 2, 1)
    assert one.intersection(Area(4, 1, 1, 1)).is_empty()
