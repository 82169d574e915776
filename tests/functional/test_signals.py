# SPDX-License-Identifier: Apache-2.0
"""SIGHUP and SIGUSR2, to real processes that have something to do."""

import os
import pty
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.console_client import ConsoleClient
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service
from tests.fixtures.standalone import Standalone

COMMANDS = ('nova-vnc-api', 'nova-vnc-compute', 'nova-consoleauth', 'nova-novncproxy')
PASSWORD = 'correct-horse-battery'
TIMEOUT_S = 60


class Command(Service):
    """One of our services, without a broker."""

    def __init__(self, name: str, directory: Path) -> None:
        (directory / 'novnc' / 'core').mkdir(parents=True)
        (directory / 'novnc' / 'core' / 'rfb.js').touch()
        super().__init__(name, {
            'DEFAULT': {'transport_url': f'rabbit://nova:{PASSWORD}@127.0.0.1:{free_port()}/',
                        'state_path': directory / 'state', 'web': directory / 'novnc', 'compute_driver': 'demo',
                        'osapi_compute_listen': '127.0.0.1', 'osapi_compute_listen_port': free_port()},
            'api': {'auth_strategy': 'noauth2'},
            'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': free_port()}}, directory)

    def add(self, text: str) -> None:
        self.conf_path.write_text(self.conf_path.read_text() + text, errors='surrogateescape')

    def start_and_wait(self) -> None:
        self.start()
        self.wait_until(self._catches_signals, TIMEOUT_S, 'it to heed signals')
        self.wait_for_line('The message broker .* cannot be used', TIMEOUT_S)

    def _catches_signals(self) -> bool:
        status = Path(f'/proc/{self.pid}/status').read_text()
        caught = next(line for line in status.splitlines() if line.startswith('SigCgt'))
        return bool(int(caught.split()[1], 16) >> (signal.SIGHUP - 1) & 1)

    def hang_up(self, answer: str) -> str:
        mark = self.mark()
        self.signal(signal.SIGHUP)
        return self.wait_for_line(f'^.*{answer}.*$', TIMEOUT_S, since=mark)[0]


@pytest.fixture
def command(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Command]:
    made = Command(getattr(request, 'param', 'nova-vnc-compute'), tmp_path)
    yield made
    made.close()


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Standalone]:
    (tmp_path / 'nova.conf').write_text('[DEFAULT]\ndebug = False\n')
    with Standalone(tmp_path, '--port', '0', '--config-file', str(tmp_path / 'nova.conf')) as made:
        yield made


class TestHangup:

    @pytest.mark.parametrize('command', COMMANDS, indirect=True)
    def test_what_can_be_read_again_is(self, command: Command) -> None:
        command.start_and_wait()
        assert ' DEBUG ' not in command.output()
        command.add('[DEFAULT]\ndebug = True\n')
        assert '[DEFAULT]debug from False to True' in command.hang_up('Read the configuration files again')
        command.wait_for_line(' DEBUG ', TIMEOUT_S)
        command.add('[DEFAULT]\ndebug = False\n')
        assert '[DEFAULT]debug from True to False' in command.hang_up('Read the configuration files again')
        assert command.is_running()

    def test_what_needs_a_restart_is_named_without_its_value(self, command: Command) -> None:
        command.start_and_wait()
        command.conf_path.write_text(command.conf_path.read_text().replace(PASSWORD, 'another-secret'))
        command.add('[compute]\nreport_interval = 77\n')
        line = command.hang_up('without effect before a restart')
        assert ' WARNING ' in line
        assert line.endswith(': [DEFAULT]transport_url, [compute]report_interval')
        assert 'secret' not in command.output()

    @pytest.mark.parametrize('text', ['neither option nor section\n', '[DEFAULT]\ndebug = perhaps\n',
                                      '[DEFAULT]\nlog_config_append = /nonexistent\n', '# \udce4nderung\n'])
    def test_a_broken_file_is_one_line_and_changes_nothing(self, command: Command, text: str) -> None:
        command.start_and_wait()
        whole = command.conf_path.read_text()
        mark = command.mark()
        command.add(text)
        command.hang_up(' ERROR .* cannot be used, nothing has changed: .+')
        assert 'Traceback' not in command.output(since=mark)
        command.conf_path.write_text(whole)
        command.hang_up('Read the configuration files again')
        assert ' DEBUG ' not in command.output()

    def test_sessions_go_on(self, standalone: Standalone, tmp_path: Path) -> None:
        with ConsoleClient(standalone.console_url()) as client:
            client.connect()
            for debug in (True, False):
                (tmp_path / 'nova.conf').write_text(f'[DEFAULT]\ndebug = {debug}\n')
                standalone.signal(signal.SIGHUP)
                standalone.wait_for_line(f'to {debug}', TIMEOUT_S)
            client.see_typed('alive')

    def test_a_terminal_that_is_closed_ends_the_process(self, tmp_path: Path) -> None:
        threading = str(int(concurrency_backend() == 'threading'))
        pid, terminal = pty.fork()
        if not pid:
            os.chdir(tmp_path)
            os.execve(Path(sys.executable).with_name('nova-vnc-standalone'),
                      ['nova-vnc-standalone', '--port', '0', '--state-path', str(tmp_path)],
                      {**os.environ, 'OS_NOVA_DISABLE_EVENTLET_PATCHING': threading})
        seen = b''
        while b'console_url' not in seen:
            seen += os.read(terminal, 4096)
        os.close(terminal)
        ended = wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0], TIMEOUT_S, 'its end')
        assert ended == pid


class TestReport:

    @pytest.mark.parametrize('command', COMMANDS, indirect=True)
    @pytest.mark.parametrize('number', [signal.SIGUSR2, signal.SIGUSR1])
    def test_on_standard_error(self, command: Command, number: int) -> None:
        command.start_and_wait()
        command.signal(number)
        command.wait_for_line(r'^\[compute\]report_interval = ', TIMEOUT_S)
        report = command.output()
        assert 'Guru Meditation' in report
        assert 'service.py' in report       # where the main thread waits
        assert '[DEFAULT]transport_url = ***' in report
        assert PASSWORD not in report
        command.hang_up('Read the configuration files again')       # it goes on

    def test_in_a_file(self, command: Command, tmp_path: Path) -> None:
        command.add(f'[oslo_reports]\nlog_dir = {tmp_path}\n')
        command.start_and_wait()
        command.signal(signal.SIGUSR2)
        command.wait_for_line('Wrote the report to ', TIMEOUT_S)
        report, = tmp_path.glob('nova-vnc-compute_gurumeditation_*')
        assert 'Configuration' in report.read_text()

    def test_no_directory_for_it(self, command: Command) -> None:
        command.add('[oslo_reports]\nlog_dir = /nonexistent\n')
        command.start_and_wait()
        command.signal(signal.SIGUSR2)
        command.wait_for_line('ERROR .*SIGUSR2', TIMEOUT_S)
        command.hang_up('Read the configuration files again')

    def test_an_option_that_cannot_be_read_spoils_nothing(self, command: Command) -> None:
        command.add('[database]\nmax_retries = many\n')
        command.start_and_wait()
        command.signal(signal.SIGUSR2)
        command.wait_for_line(r'^\[database\]max_retries = ', TIMEOUT_S)
        command.wait_for_line(r'^\[vnc\]novncproxy_port = ', TIMEOUT_S)

    def test_no_token_in_it(self, standalone: Standalone) -> None:
        url = standalone.console_url()
        with ConsoleClient(url) as client:
            client.connect()
            mark = standalone.mark()
            standalone.signal(signal.SIGUSR2)
            standalone.wait_for_line(r'^\[vnc\]novncproxy_port = ', TIMEOUT_S)
            client.see_typed('alive')
            report = standalone.output(since=mark)
        assert url.rpartition('token%3D')[2] not in report
        assert standalone.openrc()['OS_TOKEN'] not in report


def test_two_signals_end_it_amid_reports(command: Command) -> None:
    command.start_and_wait()
    for _ in range(50):
        command.signal(signal.SIGUSR2)
        command.signal(signal.SIGHUP)
    assert command.terminate(TIMEOUT_S) == 0
