# SPDX-License-Identifier: Apache-2.0
"""The units in etc/systemd/ fit the services: their names, and what systemd is told and waits for."""

import configparser
import importlib.metadata
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nova_vnc.conf import novncproxy
from nova_vnc.rpc import server
from tests.fixtures.backend import concurrency_backend

UNITS = {path.stem: path for path in (Path(__file__).parents[2] / 'etc/systemd').glob('*.service')}
DOCUMENTED = Path(__file__).parents[2] / 'doc/source/admin/systemd.rst'
# Of 10, as systemd 252 counts.
MOST_EXPOSURE = 2.0

SERVE = """
import sys
from nova_vnc import concurrency
concurrency.patch(sys.argv[1], [])
from nova_vnc import service
from tests.unit import small_services
service.end_process(service.serve(small_services.Good()))
"""


def read_unit(name: str) -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, strict=False)     # SystemCallFilter= adds up
    unit.optionxform = str
    unit.read_string(UNITS[name].read_text())
    return unit['Service']


@pytest.mark.parametrize('name', sorted(UNITS))
def test_a_unit_starts_the_command_of_its_name(name: str) -> None:
    commands = {entry.name for entry in importlib.metadata.distribution('nova-vnc').entry_points
                if entry.group == 'console_scripts'}
    assert name in commands
    assert read_unit(name)['ExecStart'] == f'/usr/bin/{name}'
    assert read_unit(name)['ExecReload'] == '/bin/kill -HUP $MAINPID'


def test_there_is_a_unit_for_each_service() -> None:
    assert sorted(UNITS) == ['nova-consoleauth', 'nova-novncproxy', 'nova-vnc-api', 'nova-vnc-compute']


def test_systemd_lets_sessions_drain() -> None:
    drain_timeout = next(option for option in novncproxy.OPTS if option.name == 'drain_timeout')
    assert int(read_unit('nova-novncproxy')['TimeoutStopSec']) > drain_timeout.default


@pytest.mark.parametrize('name', sorted(UNITS))
def test_a_unit_is_watched_and_stopped_in_time(name: str) -> None:
    unit = read_unit(name)
    assert unit['Type'] == 'notify'
    assert unit['Restart'] == 'on-failure'      # which a watchdog's end is too (systemd.service(5))
    assert int(unit['WatchdogSec']) >= 60
    assert int(unit['TimeoutStopSec']) > server.STOP_TIMEOUT_S
    assert int(unit['LimitNOFILE']) >= 4096


@pytest.mark.once
@pytest.mark.parametrize('name', sorted(UNITS))
def test_systemd_understands_the_unit(name: str, tmp_path: Path) -> None:
    unit = tmp_path / f'{name}.service'
    command = Path(sys.executable).with_name(name)
    unit.write_text(UNITS[name].read_text().replace(f'/usr/bin/{name}', str(command)))
    verified = subprocess.run(['systemd-analyze', 'verify', '--man=no', unit], capture_output=True, text=True,
                              check=False)
    assert (verified.returncode, verified.stderr) == (0, '')


@pytest.mark.once
@pytest.mark.parametrize('name', sorted(UNITS))
def test_the_exposure_of_the_unit_is_what_the_documentation_says(name: str) -> None:
    said = subprocess.run(['systemd-analyze', 'security', '--offline=true', '--no-pager', UNITS[name]],
                          capture_output=True, text=True, check=True).stdout
    score = re.search(r'Overall exposure level for \S+: ([0-9.]+) ', said)[1]
    assert float(score) <= MOST_EXPOSURE
    documented = dict(re.findall(r'\* - ``([a-z-]+)\.service``\n +- ([0-9.]+)\n', DOCUMENTED.read_text()))
    assert documented[name] == score


def test_systemd_is_told_once_the_service_runs(tmp_path: Path) -> None:
    path = str(tmp_path / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(60)
        process = subprocess.Popen([sys.executable, '-c', SERVE, concurrency_backend()], stdout=subprocess.DEVNULL,
                                   env={**os.environ, 'NOTIFY_SOCKET': path, 'PYTHONPATH': os.pathsep.join(sys.path)})
        try:
            assert systemd.recv(100) == b'READY=1'
        finally:
            process.terminate()
            assert process.wait(60) == 0
