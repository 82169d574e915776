# SPDX-License-Identifier: Apache-2.0
import logging

from nova_vnc.novncproxy.floods import INTERVAL_S, FloodLog


def test_a_line_for_each_limit_now_and_then(caplog):
    now = [0.0]
    floods = FloodLog(clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            floods.note('max_pending_per_address', '192.0.2.1')
        floods.note('max_pending_per_token', 'instance x')
        now[0] += INTERVAL_S
        floods.note('max_pending_per_address', '192.0.2.2')
        floods.note('max_pending_per_address', '192.0.2.2')
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert lines[0].startswith('[novncproxy]max_pending_per_address is reached: 1 connections')
    assert 'instance x' in lines[1]
    assert '1000 connections' in lines[2]
    assert lines[2].endswith('192.0.2.2')
