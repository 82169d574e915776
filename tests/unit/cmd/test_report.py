# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest
from oslo_config import cfg

from nova_vnc.cmd import known_options, report


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    made = cfg.ConfigOpts()
    known_options.register_opts(made)
    made([], default_config_files=[])
    return made


def test_threads_have_names_and_stacks_but_no_variables(conf: cfg.ConfigOpts) -> None:
    ended = threading.Event()

    def wait_here(token: str) -> None:
        ended.wait()

    thread = threading.Thread(target=wait_here, args=('a-secret',), name='somebody')
    thread.start()
    try:
        text = report.render(conf, '1')
    finally:
        ended.set()
        thread.join()
    assert 'somebody' in text
    assert 'in wait_here' in text
    assert 'a-secret' not in text


def test_others_get_on_meanwhile(conf: cfg.ConfigOpts) -> None:
    ended = threading.Event()
    turns = 0

    def take_turns() -> None:
        nonlocal turns
        while not ended.is_set():
            turns += 1
            time.sleep(0)

    threads = [threading.Thread(target=take_turns), *(threading.Thread(target=ended.wait) for _ in range(100))]
    for thread in threads:
        thread.start()
    before = turns
    try:
        report.render(conf, '1')
    finally:
        during = turns - before
        ended.set()
        for thread in threads:
            thread.join()
    assert during > 100


def test_passwords(conf: cfg.ConfigOpts) -> None:
    conf.set_override('connection', 'mysql+pymysql://nova:hidden@db/nova', 'database')
    conf.set_override('novncproxy_base_url', 'http://user:hidden@proxy/vnc_auto.html', 'vnc')
    conf.set_override('transport_url', 'rabbit://nova:hidden@broker:5672/')
    text = report.render(conf, '1')
    assert 'hidden' not in text
    assert '[database]connection = ***' in text
    assert 'http://user:***@proxy' in text
