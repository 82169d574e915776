# SPDX-License-Identifier: Apache-2.0
"""The files in containers/ hold together, as far as can be said without building them."""

import importlib.metadata
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {path.name.partition('.')[2]: path for path in (ROOT / 'containers').glob('Containerfile.*')}

pytestmark = pytest.mark.once


def read(name: str) -> list[tuple[str, str]]:
    """Return (instruction, arguments) pairs, with continuation lines joined."""
    lines = [line for line in FILES[name].read_text().splitlines() if not line.startswith('#')]
    text = re.sub(r'\\\n\s*', ' ', '\n'.join(lines))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def of(name: str, instruction: str) -> list[str]:
    return [arguments for found, arguments in read(name) if found == instruction]


def test_there_is_a_file_for_each_service_that_may_live_in_a_container() -> None:
    assert sorted(FILES) == ['nova-consoleauth', 'nova-novncproxy', 'nova-vnc-api']


@pytest.mark.parametrize('name', sorted(FILES))
def test_its_entry_point_is_one_of_our_commands(name: str) -> None:
    commands = {entry.name for entry in importlib.metadata.distribution('nova-vnc').entry_points
                if entry.group == 'console_scripts'}
    assert json.loads(of(name, 'ENTRYPOINT')[0]) == [name]
    assert name in commands


@pytest.mark.parametrize('name', sorted(FILES))
def test_it_does_not_run_as_root_and_holds_nothing_but_the_package(name: str) -> None:
    last_stage = read(name)[max(i for i, pair in enumerate(read(name)) if pair[0] == 'FROM'):]
    assert ('USER', 'nova') in last_stage
    assert not any(instruction == 'RUN' for instruction, _ in last_stage[last_stage.index(('USER', 'nova')):])
    assert [arguments for found, arguments in last_stage if found in ('COPY', 'ADD')] == [
        '--from=build /opt/nova-vnc /opt/nova-vnc']
    assert of(name, 'FROM') == ['${BASE} AS build', '${BASE}']
    assert not re.search(r'password|secret|transport_url', FILES[name].read_text().replace('no secret', ''), re.I)


@pytest.mark.parametrize('name', sorted(FILES))
def test_its_health_check_is_python_that_compiles(name: str) -> None:
    python, flag, program = json.loads(of(name, 'HEALTHCHECK')[0].partition('CMD ')[2])
    assert (python, flag) == ('python3', '-c')
    compile(program, name, 'exec')


def test_its_packages_are_debians() -> None:
    installs = [re.search(r'--no-install-recommends ([^&]+)', run) for name in FILES for run in of(name, 'RUN')]
    packages = sorted({package for found in installs if found for package in found[1].split()})
    assert 'novnc' in packages
    shown = subprocess.run(['apt-cache', 'show', '--no-all-versions', *packages], capture_output=True, text=True,
                           check=False)
    assert set(re.findall(r'^Package: (.+)$', shown.stdout, re.M)) == set(packages)


def test_what_is_sent_to_the_build_is_named_one_by_one() -> None:
    lines = (ROOT / '.containerignore').read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith('#')]
    assert rules[0] == '**'
    assert all(rule.startswith('!') and (ROOT / rule[1:]).exists() for rule in rules[1:])
