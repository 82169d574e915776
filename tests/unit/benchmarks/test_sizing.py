# SPDX-License-Identifier: Apache-2.0
import dataclasses
from pathlib import Path

import pytest

from benchmarks import sizing
from benchmarks.sizing import Load

PAGE = Path(__file__).parents[3] / 'doc/source/admin/sizing'
NOTHING = Load(consoles=0, openings=0, keys=0, bulk_mbit=0)


# Written by: python -m benchmarks.sizing --write doc/source/admin/sizing
@pytest.mark.parametrize('name', sizing.texts())
def test_the_page_shows_these_figures(name: str):
    assert (PAGE / name).read_text() == sizing.texts()[name]


def test_cpu_adds_up():
    openings = dataclasses.replace(NOTHING, openings=100)
    keys = dataclasses.replace(NOTHING, keys=1000)
    both = dataclasses.replace(openings, keys=1000)
    assert openings.proxy_cores() == pytest.approx(sizing.SET_UP.value / 10)
    assert both.proxy_cores() == pytest.approx(openings.proxy_cores() + keys.proxy_cores())


def test_open_files_want_workers_where_cpu_does_not():
    assert Load(consoles=31_696, openings=0, keys=0, bulk_mbit=0).workers() == 1
    assert Load(consoles=31_697, openings=0, keys=0, bulk_mbit=0).workers() == 2


def test_a_gib_a_second_of_screen():
    load = dataclasses.replace(NOTHING, bulk_mbit=8 * 1024**3 / 1e6)
    assert load.proxy_cores() == pytest.approx(sizing.BULK.value / 1000)
    assert dataclasses.replace(load, tls=True).proxy_cores() == pytest.approx(sizing.BULK.of(True) / 1000)


def test_consoleauth_is_there_twice():
    assert NOTHING.consoleauths() == 2
