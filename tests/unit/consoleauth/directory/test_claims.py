# SPDX-License-Identifier: Apache-2.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.consoleauth.directory.claims import Claim, Verdict, settle

RUNS, STOPPED = True, False
LIVE, STALE = True, False

hosts = st.sampled_from('abcde')
all_claims = st.lists(st.builds(Claim, hosts, st.booleans(), st.booleans()), max_size=5,
                      unique_by=lambda claim: claim.host)


@pytest.mark.parametrize(('holder', 'claims', 'verdict'), [
    (None, [], Verdict(None)),
    (None, [Claim('b', STOPPED, LIVE)], Verdict('b')),
    # released
    ('a', [], Verdict(None)),
    ('a', [Claim('b', RUNS, LIVE)], Verdict('b')),
    ('a', [Claim('b', STOPPED, LIVE), Claim('c', RUNS, LIVE)], Verdict('c', ('b',))),
    # held by a live host that runs it
    ('a', [Claim('a', RUNS, LIVE), Claim('b', RUNS, LIVE)], Verdict('a', ('b',))),
    ('a', [Claim('a', RUNS, LIVE), Claim('b', STOPPED, LIVE)], Verdict('a', ('b',))),
    # held by a live host that does not run it
    ('a', [Claim('a', STOPPED, LIVE), Claim('b', RUNS, LIVE)], Verdict('b', ('a',))),
    ('a', [Claim('a', STOPPED, LIVE), Claim('b', STOPPED, LIVE)], Verdict('a', ('b',))),
    ('a', [Claim('a', STOPPED, LIVE), Claim('b', RUNS, STALE)], Verdict('a')),
    # held by a host that went stale
    ('a', [Claim('a', RUNS, STALE)], Verdict('a')),
    ('a', [Claim('a', RUNS, STALE), Claim('b', STOPPED, LIVE)], Verdict('b')),
    ('a', [Claim('a', RUNS, STALE), Claim('b', RUNS, STALE)], Verdict('a')),
])
def test_rule(holder: str | None, claims: list[Claim], verdict: Verdict):
    assert settle(holder, claims) == verdict


@given(st.none() | hosts, all_claims)
def test_what_always_holds(holder: str | None, claims: list[Claim]):
    by_host = {claim.host: claim for claim in claims}
    verdict = settle(holder, claims)
    assert verdict.holder in by_host if claims else verdict.holder is None
    current = by_host.get(holder)
    if current is not None and current.is_live and current.is_running:
        assert verdict.holder == holder
    if current is not None and verdict.holder != holder:
        newcomer = by_host[verdict.holder]
        assert newcomer.is_live
        assert not current.is_live or (newcomer.is_running and not current.is_running)
    assert set(verdict.refused) == {claim.host for claim in claims if claim.is_live} - {verdict.holder}
    # Whoever asks next gets the same answer, in whatever order the claims come.
    assert settle(verdict.holder, claims) == verdict
    assert settle(holder, reversed(claims)) == verdict
