# SPDX-License-Identifier: Apache-2.0
import resource

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy import open_files
from nova_vnc.novncproxy.open_files import Shares


def test_the_limit_is_as_high_as_it_may_be():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
        assert open_files.raise_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(('limit', 'files', 'max_pending', 'shares'), [
    (65536, 2, 1024, Shares(31696, 1024)),
    (65536, 3, 1024, Shares(21130, 1024)),
    (1024, 2, 1024, Shares(348, 116)),
    (1024, 2, 10, Shares(454, 10)),
    (128, 2, 1024, Shares(12, 4)),
    (20, 2, 1024, Shares(1, 1)),
])
def test_what_a_limit_is_good_for(limit, files, max_pending, shares):
    assert open_files.share(limit, files, max_pending) == shares


@hypothesis.given(st.integers(0, 1 << 30), st.integers(2, 3), st.integers(1, 1 << 20))
def test_neither_sessions_nor_strangers_use_up_the_files_of_the_process(limit, files, max_pending):
    shares = open_files.share(limit, files, max_pending)
    assert shares.sessions >= 1
    assert 1 <= shares.pending <= max_pending
    if limit > 200:
        assert shares.sessions * files + shares.pending * 2 <= limit - 96
