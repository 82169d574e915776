# SPDX-License-Identifier: Apache-2.0
"""The starters of real parts, as far as no real part is needed to try them."""

import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from tests.fixtures.browser import BROWSER_VARIABLE, Browser
from tests.fixtures.guest_image import build_typing_disk
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port, is_listening
from tests.fixtures.process import ExternalProcess, ProcessEnded, Service, format_conf
from tests.fixtures.programs import MissingPart, find_program


def python(code: str, directory: Path) -> ExternalProcess:
    return ExternalProcess([sys.executable, '-u', '-c', code], directory)


class TestExternalProcess:
    def test_output_is_waited_for_line_by_line(self, tmp_path: Path) -> None:
        with python('print("port 8080"); input_never = __import__("signal").pause()', tmp_path) as process:
            assert process.wait_for_line(r'^port (\d+)$')[1] == '8080'
            assert process.is_running()

    def test_an_early_end_is_told_with_its_output(self, tmp_path: Path) -> None:
        with python('raise SystemExit("no such option")', tmp_path) as process, \
                pytest.raises(ProcessEnded, match='no such option'):
            process.wait_for_line('listening')

    def test_output_before_a_restart_is_not_waited_for_again(self, tmp_path: Path) -> None:
        with python('print("once")', tmp_path) as process:
            process.wait_for_line('once')
            process.wait()
            mark = process.mark()
            with pytest.raises(ProcessEnded):
                process.wait_for_line('once', since=mark)
            process.restart()
            process.wait_for_line('once')
            assert process.output().count('once') == 2

    def test_close_ends_children_and_orphans(self, tmp_path: Path) -> None:
        code = ('import subprocess, sys\n'
                'child = [sys.executable, "-c", "import signal; signal.pause()"]\n'
                'orphan = subprocess.run(["/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $! >&2"],'
                ' stderr=subprocess.PIPE)\n'
                'print("pids", subprocess.Popen(child).pid, orphan.stderr.decode(), flush=True)\n'
                '__import__("signal").pause()')
        with python(code, tmp_path) as process:
            match = process.wait_for_line(r'^pids (\d+) (\d+)')
            family = [psutil.Process(int(pid)) for pid in match.groups()]
            assert len(process.children()) == 1
        wait_until(lambda: all(not member.is_running() or member.status() == psutil.STATUS_ZOMBIE
                               for member in family), 10, 'the end of the family')

    def test_what_it_costs(self, tmp_path: Path) -> None:
        with socket.create_server(('127.0.0.1', 0)) as server:
            port = server.getsockname()[1]
            code = (f'import socket; a = socket.create_connection(("127.0.0.1", {port}))\n'
                    'b = socket.create_server(("127.0.0.1", 0)); print("ready", b.getsockname()[1])\n'
                    '__import__("signal").pause()')
            with python(code, tmp_path) as process:
                listening = int(process.wait_for_line(r'ready (\d+)')[1])
                assert process.memory_pss_bytes() > 1_000_000
                assert process.cpu_seconds() > 0
                assert process.open_files_count() >= 5
                assert process.listening_ports() == {listening}
                assert len(process.connections(remote_port=port)) == 1
                assert process.connections(remote_port=port + 1) == []

    def test_signals(self, tmp_path: Path) -> None:
        code = 'import signal, time; signal.signal(2, lambda *a: print("int")); print("up")\nwhile 1: signal.pause()'
        with python(code, tmp_path) as process:
            process.wait_for_line('up')
            process.signal(signal.SIGINT)
            process.wait_for_line('int')
            assert process.terminate() == -signal.SIGTERM


class TestService:
    def test_its_nova_conf_is_written(self) -> None:
        assert format_conf({'DEFAULT': {'debug': True, 'web': None}, 'vnc': {'hook': ['a', 'b']}}) == (
            '[DEFAULT]\ndebug = True\n\n[vnc]\nhook = a\nhook = b\n')

    def test_a_command_that_is_not_installed_fails(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match='pip install'):
            Service('nova-vnc-nonesuch', {}, tmp_path)


class TestPrograms:
    def test_a_missing_part_names_its_package(self) -> None:
        with pytest.raises(MissingPart, match='Debian package nonesuch-server'):
            find_program('nonesuch', package='nonesuch-server')

    def test_a_browser_named_by_the_user_must_exist(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(BROWSER_VARIABLE, '/nonexistent/chrome')
        with pytest.raises(MissingPart, match=BROWSER_VARIABLE):
            Browser()


class TestGuestImage:
    def test_it_is_bootable(self) -> None:
        disk = build_typing_disk('x' * 200)
        assert disk[510:512] == b'\x55\xaa'
        assert disk.count(b'x') == 79


class TestPorts:
    def test_a_port_is_given_once(self) -> None:
        ports = [free_port() for _ in range(50)]
        assert len(set(ports)) == 50
        assert not any(is_listening(port) for port in ports)
