# SPDX-License-Identifier: Apache-2.0
import pytest

from benchmarks import growth, soak

MINUTE = [10.0 * step for step in range(7)]


def test_what_grows_before_the_middle_does_not_count():
    assert growth.last_half(MINUTE, [1, 40, 90, 100, 100, 100, 100]) == pytest.approx(0)


def test_a_straight_rise():
    assert growth.last_half(MINUTE, [20.0 + when for when in MINUTE]) == pytest.approx(30)


def test_what_swings_does_not_rise():
    assert abs(growth.last_half(MINUTE, [0, 0, 0, 101, 99, 99, 101])) < 1


def test_too_few_samples():
    with pytest.raises(ValueError, match='two samples'):
        growth.last_half([0.0, 10.0], [1, 2])


def test_a_leak_is_named():
    wrong = soak.too_much({'nova-novncproxy': {'pss_mib': 7.5, 'descriptors': 20.0},
                           'nova-consoleauth': {'threads': -3}})
    assert wrong == ['nova-novncproxy: pss_mib rises by 7.50 in the last half; the bound is 3']
