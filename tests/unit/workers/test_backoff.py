# SPDX-License-Identifier: Apache-2.0
from nova_vnc.workers.backoff import Backoff


def test_short_lives_in_a_row_cost_more_and_more_time():
    backoff = Backoff()
    assert [backoff.pause_s(3) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_long_life_makes_good_for_them():
    backoff = Backoff()
    for _ in range(5):
        backoff.pause_s(3)
    assert backoff.pause_s(3600) == 0
    assert [backoff.pause_s(3) for _ in range(3)] == [0, 1, 2]


def test_it_stays_bounded_for_ever():
    backoff = Backoff()
    assert {backoff.pause_s(0) for _ in range(5000)} == {0, 1, 2, 4, 8, 16, 30}
