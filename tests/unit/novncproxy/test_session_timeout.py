# SPDX-License-Identifier: Apache-2.0
import json
import re
from pathlib import Path

import pytest

from nova_vnc.net.websocket import MAX_CONTROL_BYTES
from nova_vnc.novncproxy import session_timeout

REQUEST_ID = 'req-6f1c2a3e-93d5-4b8e-8a4c-0d2f6c1b7a55'


@pytest.mark.parametrize(('left_s', 'end_after_s', 'warn_after_s', 'told_s'), [
    (600, 600, 540, 60), (60, 60, 0, 60), (10.4, 10.4, 0, 10), (0, 0, 0, 0), (-5, 0, 0, 0)])
def test_the_end_and_the_warning_before_it(left_s, end_after_s, warn_after_s, told_s):
    limit = session_timeout.build_limit(1000 + left_s, 1000, REQUEST_ID, takes_notices=True)
    assert limit.end_after_s == pytest.approx(end_after_s)
    assert limit.warn_after_s == pytest.approx(warn_after_s)
    assert json.loads(limit.warning) == {'session_ends_in': told_s}


def test_no_text_message_for_who_knows_none():
    assert session_timeout.build_limit(1600, 1000, REQUEST_ID, takes_notices=False).warning is None


def test_the_reason_can_be_told():
    limit = session_timeout.build_limit(1600, 1000, REQUEST_ID, takes_notices=False)
    assert len(limit.reason.encode('ascii')) <= MAX_CONTROL_BYTES - 2
    # ending.js takes the two apart like this.
    assert re.fullmatch(r'(.*?)(?: \((req-[^)]*)\))?', limit.reason).groups() == (session_timeout.TEXT, REQUEST_ID)


def test_the_time_of_the_end():
    assert session_timeout.describe_end(1_700_000_000.9, 1_699_999_000.5) == 'until 22:13 UTC'


def test_the_time_of_an_end_that_is_days_away():
    assert session_timeout.describe_end(1_700_000_000, 1_699_000_000) == 'until 2023-11-14 22:13 UTC'


def test_the_manual_and_the_page_know_the_code():
    root = Path(__file__).parents[3]
    manual = (root / 'doc/source/admin/novncproxy.rst').read_text()
    row = re.search(rf'   \* - {session_timeout.CLOSE_CODE}\n     - .+\n     - (.+)\n', manual)
    assert row[1] == session_timeout.TEXT
    page = (root / 'nova_vnc/novncproxy/web/nova-vnc/ending.js').read_text()
    assert str(session_timeout.CLOSE_CODE) in re.search(r'CODES_OF_USELESS_LINKS = \[(.*)\]', page)[1]
