# SPDX-License-Identifier: Apache-2.0
"""The life of a process, shown on small services that run as processes and get real signals."""
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.unit import small_services


def start(name: str) -> subprocess.Popen:
    code = textwrap.dedent(f'''
        from nova_vnc import concurrency
        concurrency.patch({os.environ.get("NOVA_VNC_TEST_BACKEND", "threading")!r}, [])
        import logging
        logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s')
        from nova_vnc import service
        from tests.unit import small_services
        made = small_services.{name}()
        service.end_process(service.serve(made, actions=getattr(made, 'actions', None)))
    ''')
    return subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})


def read_until(process: subprocess.Popen, text: str) -> str:
    seen = ''
    while text not in seen:
        line = process.stdout.readline()
        assert line, f'ended with {seen!r}'
        seen += line
    return seen


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(number):
    process = start('Good')
    read_until(process, 'serving')
    process.send_signal(number)
    assert 'stopped without hurry' in process.communicate(timeout=30)[0]
    assert process.returncode == 0


def test_a_second_signal_ends_now():
    process = start('Draining')
    read_until(process, 'serving')
    process.send_signal(signal.SIGTERM)
    read_until(process, 'draining')
    process.send_signal(signal.SIGTERM)
    assert 'hurried' in process.communicate(timeout=30)[0]
    assert process.returncode == 0


def test_a_storm_of_signals_is_done_once_and_hides_no_other():
    process = start('Stormy')
    read_until(process, 'serving')
    process.send_signal(signal.SIGHUP)
    seen = read_until(process, 'reported')
    process.send_signal(signal.SIGTERM)
    output = seen + process.communicate(timeout=30)[0]
    assert 2 <= output.count('read again') <= 3     # what comes while it is done the second time counts again
    assert process.returncode == 0


@pytest.mark.parametrize(('name', 'line'), [('Misconfigured', small_services.WRONG_OPTION),
                                            ('Failing', small_services.FAILURE),
                                            ('Forgetful', small_services.FAILURE),
                                            ('FailingNatively', 'The thread worker, without which')])
def test_a_reason_not_to_go_on_is_one_line_and_status_1(name, line):
    process = start(name)
    output = process.communicate(timeout=30)[0]
    assert f'CRITICAL {line}' in output
    assert 'Traceback' not in output
    assert process.returncode == 1


def test_a_library_s_thread_that_fails_ends_the_process():
    process = start('Loser')
    output = process.communicate(timeout=30)[0]
    assert 'CRITICAL The thread Thread-' in output
    assert process.returncode == 1
