# SPDX-License-Identifier: Apache-2.0
import threading
import time
from pathlib import Path

from nova_vnc.cmd import known_options

GENERATOR = Path(__file__).parents[3] / 'etc' / 'nova-vnc-config-generator.conf'


def test_no_secret_option_is_one_whose_change_is_told_with_its_values() -> None:
    mutable = [(group, option) for group, option in known_options.list_opts() if option.mutable]
    assert ('DEFAULT', 'debug') in [(group, option.dest) for group, option in mutable]
    assert [option.dest for _, option in mutable if option.secret] == []


def test_the_known_options_are_those_of_the_sample():
    lines = GENERATOR.read_text().splitlines()
    assert [line.removeprefix('namespace = ') for line in lines if line.startswith('namespace')] == \
        list(known_options.NAMESPACES)


def test_others_get_on_while_all_options_are_copied():
    turns = 0
    done = threading.Event()

    def take_turns() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0)
    other = threading.Thread(target=take_turns)
    other.start()
    count = len(list(known_options.list_opts()))
    at_the_end = turns
    done.set()
    other.join()
    assert at_the_end > count / 10
