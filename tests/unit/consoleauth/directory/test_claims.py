# SPDX-License-Identifier: Apache-2.0

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.consoleauth.directory.claims import Claim, Verdict, settle


def claim(text: str) -> Claim:
    """Read a claim: host, seniority of a home, then any of + runs, ~ silent, ! gone, # barred, ? another owner."""
    number = text[1:].rstrip('+~!#?')
    return Claim(text[0], '+' in text, not set('~!') & set(text), int(number) if number else None, '#' in text,
                 '!' in text, '?' not in text)


def verdict(text: str) -> tuple[str | None, str, str]:
    """Settle some claims, and return holder, homes (the most senior first) and refused hosts."""
    found = settle(map(claim, text.split()))
    return found.holder, ''.join(sorted(found.homes, key=found.homes.get)), ''.join(found.refused)


@pytest.mark.parametrize(('claims', 'expected'), [
    # nobody, and the first
    ('', (None, '', '')),
    ('b', ('b', 'b', '')),
    ('b+', ('b', 'b', '')),
    # it runs at home
    ('a1+ b+', ('a', 'a', 'b')),
    ('a1+ b', ('a', 'a', 'b')),
    ('b1+ a+', ('b', 'b', 'a')),
    # it runs elsewhere: a live migration whose source has let go, a resize, or a lie about a stopped VM
    ('a1 b+', ('b', 'ab', '')),
    ('a1 b2+', ('b', 'ab', '')),
    ('a1 b2+ c+', ('b', 'ab', 'c')),
    # and again at home
    ('a1+ b2+', ('a', 'a', 'b')),
    ('a1+ b2', ('a', 'a', 'b')),
    # it runs nowhere
    ('a1 b', ('a', 'a', 'b')),
    ('a1 b2', ('a', 'ab', '')),
    # the home let it go
    ('b2+', ('b', 'b', '')),
    ('b c+', ('c', 'c', 'b')),
    ('b2 c+', ('c', 'bc', '')),
    # the home is silent
    ('a1+~', ('a', 'a', '')),
    ('a1+~ b', ('a', 'a', 'b')),
    ('a1~ b', ('b', 'ab', '')),
    ('a1+~ b+', ('b', 'ab', '')),
    ('a1+~ b2+ c+', ('b', 'ab', 'c')),
    ('a1+~ b2', ('b', 'ab', '')),
    ('a1+~ b+~', ('a', 'a', '')),
    # the home is gone
    ('a1+!', ('a', 'a', '')),
    ('a1+! b', ('b', 'ab', '')),
    ('a1+! b+', ('b', 'b', '')),
    ('a1+! b2+', ('b', 'b', '')),
    # newcomers come together
    ('b+ c+', ('b', 'b', 'c')),
    ('b+? c+', ('c', 'c', 'b')),
    ('a1+? c+', ('a', 'a', 'c')),
    # the operator has named the home
    ('a1 d+#', ('a', 'a', 'd')),
    ('a1~ d+#', ('a', 'a', 'd')),
    ('a1 b+ d+#', ('b', 'ab', 'd')),
    ('d+#', ('d', 'd', '')),
])
def test_rule(claims: str, expected: tuple[str | None, str, str]):
    assert verdict(claims) == expected


def test_of_newcomers_the_last_one_counts():
    waiting, arrived = Claim('a', True, claimed_at=100.0), Claim('b', True, claimed_at=200.0)
    assert settle([waiting, arrived]).holder == 'b'
    # But for one that names another owner than the one known.
    assert settle([waiting, dataclasses.replace(arrived, owner_fits=False)]).holder == 'a'


def test_who_is_barred_stays_so_until_there_is_nobody_else():
    assert settle([claim('a1'), claim('d+#')]).barred == {'d'}
    assert settle([claim('d+#')]).barred == frozenset()


def test_the_word_of_the_most_senior_home_counts():
    assert settle([claim('a1'), claim('b2+')]).home == 'a'
    assert settle([claim('a~')]).home == 'a'
    assert settle([]).home is None


@st.composite
def all_claims(draw: Any) -> list[Claim]:
    hosts = draw(st.lists(st.sampled_from('abcde'), unique=True))
    seniorities = draw(st.permutations(range(1, 6)))
    claims = []
    for host, number in zip(hosts, seniorities, strict=False):
        is_live = draw(st.booleans())
        is_barred = draw(st.booleans())
        claims.append(Claim(
            host, draw(st.booleans()), is_live, None if is_barred or draw(st.booleans()) else number, is_barred,
            not is_live and draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from([1.0, 2.0]))))
    return claims


@given(all_claims())
def test_what_always_holds(claims: list[Claim]):
    by_host = {claim.host: claim for claim in claims}
    found = settle(claims)
    assert (found.holder is None) == (not claims)
    assert set(found.homes) <= set(by_host)
    running_homes = [claim for claim in claims if claim.seniority is not None and claim.is_live and claim.is_running]
    if running_homes:
        assert found.holder == min(running_homes, key=lambda claim: claim.seniority).host
    if claims and by_host[found.holder].is_live:
        assert found.holder in found.homes
    for host in found.homes:        # who is a home was one, or holds it now
        assert host == found.holder or by_host[host].seniority is not None
    assert set(found.refused) == {claim.host for claim in claims if claim.is_live} - set(found.homes)
    # Whoever asks next gets the same answer, in whatever order the claims come.
    after = [dataclasses.replace(claim, seniority=found.homes.get(claim.host), is_barred=claim.host in found.barred)
             for claim in claims]
    assert settle(after) == found
    assert settle(reversed(claims)) == found
    assert not claims or Verdict() != found
