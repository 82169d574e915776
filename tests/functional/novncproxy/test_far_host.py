# SPDX-License-Identifier: Apache-2.0
"""Hosts that vanish and name servers that are silent, shown on real networks: see far_host_lost.py."""

from pathlib import Path

import pytest

from tests.fixtures.own_network import run_in_own_network

_INSIDE = Path(__file__).with_name('far_host_lost.py')


@pytest.mark.parametrize('test', ['test_a_host_that_vanishes_after_a_key_press',
                                  'test_a_host_that_vanishes_in_silence'])
def test_a_host_that_vanishes(test):
    run_in_own_network(_INSIDE, test)


def test_a_server_that_stands_still_keeps_its_session():
    run_in_own_network(_INSIDE, 'test_a_server_that_stands_still_keeps_its_session')


def test_a_name_server_that_is_silent():
    run_in_own_network(_INSIDE, 'test_a_name_server_that_is_silent')
