# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT]daemon: nova-novncproxy in the background."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port, is_listening
from tests.fixtures.process import Service, kill_all

TIMEOUT_S = 60


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / 'core').mkdir()
    (tmp_path / 'core' / 'rfb.js').touch()
    made = Service('nova-novncproxy', {
        'DEFAULT': {'transport_url': f'rabbit://127.0.0.1:{free_port()}/', 'web': tmp_path, 'log_file': 'proxy.log'},
        'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': free_port()}}, tmp_path)
    yield made
    made.close()


@contextlib.contextmanager
def background_process(command: Service) -> Iterator[psutil.Process]:
    found = [process for process in psutil.process_iter() if str(command.conf_path) in command_line(process)]
    try:
        (process,) = found
        yield process
    finally:
        kill_all(found)


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def port_of(command: Service) -> int:
    return int(command.conf_path.read_text().partition('novncproxy_port = ')[2].split()[0])


@pytest.mark.parametrize('by', ['flag', 'file'])
def test_it_serves_in_the_background(command: Service, by: str):
    if by == 'flag':
        command.argv.append('--daemon')
    else:
        command.conf_path.write_text(command.conf_path.read_text().replace('[DEFAULT]', '[DEFAULT]\ndaemon = True'))
    with command:
        assert command.wait(TIMEOUT_S) == 0
        with background_process(command) as process:
            # No waiting: it listens once the command has ended.
            page = f'http://127.0.0.1:{port_of(command)}/vnc_auto.html'
            assert requests.get(page, timeout=TIMEOUT_S).status_code == 200
            assert os.getsid(process.pid) not in (os.getsid(0), process.pid)    # so it can get no terminal
            assert process.terminal() is None
            # oslo.messaging's use_queue_manager reads /proc/<group>/stat with each connection.
            assert os.getpgid(process.pid) == process.pid
            assert process.cwd() == str(command.directory)
            assert {os.readlink(f'/proc/{process.pid}/fd/{fd}') for fd in (0, 1, 2)} == {'/dev/null'}
            assert f' {process.pid} INFO ' in (command.directory / 'proxy.log').read_text()
            process.terminate()
            wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, TIMEOUT_S, 'end')
    assert 'Received SIGTERM' in (command.directory / 'proxy.log').read_text()
    assert command.output() == ''


def test_why_it_cannot_start_is_told_to_whoever_started_it(command: Service):
    command.argv += ['--daemon', '--log-file', '']
    with socket.create_server(('127.0.0.1', port_of(command))), command:
        assert command.wait(TIMEOUT_S) == 1
        assert 'Address already in use' in command.output()
        assert 'leaves the log without a place to go to' in command.output()
        assert command.output().count('Address already in use') == 1
    assert not [process for process in psutil.process_iter() if str(command.conf_path) in command_line(process)]


@pytest.mark.parametrize(('flags', 'reason'), [
    ([], 'novncproxy_port = {port}: Address already in use'), (['--web', '/nope'], '[DEFAULT]web = /nope: ')])
def test_why_it_cannot_start_is_told_also_when_the_log_is_a_file(command: Service, flags: list[str], reason: str):
    command.argv += ['--daemon', *flags]
    with socket.create_server(('127.0.0.1', port_of(command))), command:
        assert command.wait(TIMEOUT_S) == 1
        line, = command.output().splitlines()
    reason = reason.format(port=port_of(command))
    assert line.startswith('nova-novncproxy: [')
    assert reason in line
    assert reason in (command.directory / 'proxy.log').read_text()


def test_it_serves_and_stops_when_whoever_started_it_is_gone(command: Service):
    command.argv.append('--daemon')
    with command:
        (first,) = wait_until(lambda: [process for process in psutil.process_iter()
                                       if str(command.conf_path) in command_line(process)], TIMEOUT_S, 'the command')
        # It waits in the pipe by which it is told that the other one serves.
        wait_until(lambda: first.children(recursive=True), TIMEOUT_S, 'the background process')
        first.kill()
        wait_until(lambda: is_listening(port_of(command)), TIMEOUT_S, 'listens')
        with background_process(command) as process:
            wait_until(lambda: os.readlink(f'/proc/{process.pid}/fd/2') == '/dev/null', TIMEOUT_S, 'it to serve')
            page = f'http://127.0.0.1:{port_of(command)}/vnc_auto.html'
            assert requests.get(page, timeout=TIMEOUT_S).status_code == 200
            process.terminate()
            wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, TIMEOUT_S, 'end')
    assert 'Received SIGTERM' in (command.directory / 'proxy.log').read_text()


def test_without_it_the_command_stays(command: Service):
    command.argv.append('--nodaemon')
    with command:
        command.wait_until(lambda: port_of(command) in command.listening_ports(), TIMEOUT_S, 'listens')
        assert command.is_running()
