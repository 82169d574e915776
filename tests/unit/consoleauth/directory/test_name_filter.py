# SPDX-License-Identifier: Apache-2.0

import contextlib
import re
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.consoleauth.directory.name_filter import ESCAPE, build_like

names = st.text(st.characters(exclude_categories=('C', 'Z'), include_characters=' '), min_size=1, max_size=20)


def is_found(name: str, by: str) -> bool:
    with contextlib.closing(sqlite3.connect(':memory:')) as connection:
        return bool(connection.execute('SELECT ? LIKE ? ESCAPE ?', (name, build_like(by), ESCAPE)).fetchone()[0])


@pytest.mark.parametrize(('name', 'by'), [
    ('web1', 'web1'), ('web1', 'eb'), ('web1', '^web1$'), ('web1', 'WEB1'), ('web1', '^web'), ('web1', 'b1$'),
    ('web1', ''), ('web1', '^w.*1$'), ('web1', 'w.+1'), ('web1', 'w..1'), ('web1.example.com', 'web1.example.com'),
    ('web1.example.com', r'^web1\.example\.com$'), ('web (old)', 'web (old)'), ('web (old)', r'^web\ \(old\)$'),
    ('50% off_now!', '50% off_now!'), ('a$', r'a\$'), ('c++', 'c++'), ('[x]', '[x]'), ('(((', '((('),
    ('we*b', 'we*b'),
])
def test_found(name: str, by: str):
    assert is_found(name, by)


@pytest.mark.parametrize(('name', 'by'), [
    ('web10', '^web1$'), ('xweb1', '^web1'), ('web1', 'web2'), ('webx1', r'^web\.1$'), ('web1', 'w...1'),
    ('web', 'w%b'), ('web', 'w_b'), ('web1', r'web\d'), ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '(a+)+$'),
])
def test_not_found(name: str, by: str):
    assert not is_found(name, by)


@given(names)
def test_by_its_whole_name_as_a_regular_expression(name: str):
    assert is_found(name, f'^{re.escape(name)}$')


@given(names.filter(lambda name: not re.search(r'[\\^$]', name)))
def test_by_its_name_as_it_is(name: str):
    assert is_found(name, name)


@given(st.text(max_size=40))
def test_any_text_makes_a_pattern(text: str):
    assert isinstance(build_like(text), str)
