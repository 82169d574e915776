# SPDX-License-Identifier: Apache-2.0
"""The devstack plugin against devstack's plugin contract, with devstack's own functions replaced by ones that tell.

This shows which calls are made in which phase, and that the release has what is called, not that a whole devstack
works.
"""

import json
import re
from pathlib import Path

import pytest

from tests.fixtures.devstack import FUNCTIONS, PLUGIN, run_phases

VENV = '/nonexistent/stack/data/nova-vnc-venv'
SERVICES = 'n-api,n-cpu,n-novnc,mysql'

# What a devstack of this release defines, by the file that does.
DEVSTACK = json.loads(Path(__file__).with_name('devstack_2026_1.json').read_text())
BASH = {'if', 'fi', 'then', 'for', 'do', 'done', 'case', 'esac', 'function', 'local', 'return'}
PROGRAMS = {'python3', 'seq', 'rm'}


def run(*phases: str, services: str = SERVICES, cells: str = 'superconductor', **variables: str) -> list[str]:
    return run_phases(*phases, services=services, cells=cells, **variables)


def test_install_leaves_novas_own_commands_alone() -> None:
    assert run('stack install') == [
        f'python3 -m venv {VENV}',
        f'setup_develop /nonexistent/stack/nova-vnc mysql into {VENV}',
        f'pip_install /nonexistent/stack/devstack/tools/dbcounter into {VENV}']


def test_a_virtual_environment_of_before_is_used_again(tmp_path: Path) -> None:
    (tmp_path / 'data/nova-vnc-venv').mkdir(parents=True)
    calls = run('stack install', DEST=str(tmp_path))
    assert [call.split()[0] for call in calls] == ['setup_develop', 'pip_install']


@pytest.mark.parametrize(('database', 'environment'), [
    ('postgresql', {}), ('mysql', {'MYSQL_GATHER_PERFORMANCE': 'False'})])
def test_what_counts_queries_is_there_only_where_the_url_names_it(database: str, environment: dict[str, str]) -> None:
    calls = run('stack install', services=f'n-novnc,{database}', DATABASE_TYPE=database, **environment)
    assert calls[1:] == [f'setup_develop /nonexistent/stack/nova-vnc {database} into {VENV}']


def test_each_cell_gets_a_consoleauth_and_another_proxy() -> None:
    # enable_nova_console_proxies of devstack has been there before.
    calls = run('stack extra', services=f'{SERVICES},n-novnc-cell1,n-novnc-cell2')
    assert calls[:3] == [
        f'run_process n-cauth-cell1 {VENV}/bin/nova-consoleauth --config-file /etc/nova/nova_cell1.conf',
        'stop_process n-novnc-cell1',
        f'run_process n-novnc-cell1 {VENV}/bin/nova-novncproxy --config-file /etc/nova/nova_cell1.conf '
        '--web /nonexistent/stack/novnc']
    assert calls[3:] == [call.replace('cell1', 'cell2') for call in calls[:3]]


def test_a_devstack_without_cells_has_one_of_each() -> None:
    assert run('stack extra', cells='singleconductor') == [
        f'run_process n-cauth {VENV}/bin/nova-consoleauth --config-file /etc/nova/nova.conf',
        'stop_process n-novnc',
        f'run_process n-novnc {VENV}/bin/nova-novncproxy --config-file /etc/nova/nova.conf '
        '--web /nonexistent/stack/novnc']


def test_unstack_stops_what_devstack_does_not_know() -> None:
    assert run('unstack') == ['stop_process n-cauth-cell1', 'stop_process n-cauth-cell2']
    assert run('unstack', cells='singleconductor') == ['stop_process n-cauth']


def test_clean_removes_the_virtual_environment() -> None:
    assert run('clean') == [f'rm -rf {VENV}']


def test_phases_without_work_and_hosts_without_a_proxy_do_nothing() -> None:
    idle = ('stack pre-install', 'stack post-config', 'stack test-config')
    assert run(*idle) == []
    every = ('stack pre-install', 'stack install', 'stack post-config', 'stack extra', 'unstack', 'clean')
    assert run(*every, services='n-cpu') == []


# -- does the release have what is called?

def code() -> str:
    """Return both files without comments, and of what is quoted only that which is expanded."""
    text = ''.join(re.sub(r'(?m)(^|\s)#.*$', '', (PLUGIN / name).read_text()) for name in ('plugin.sh', 'settings'))
    text = re.sub(r'"(\$\w+)"', r'\1', text)
    expansion = re.compile(r'\$\w+|\$\{[^}]*\}|\$\([^)]*\)')
    return re.sub(r'"([^"]*)"', lambda quoted: ' '.join(["''", *expansion.findall(quoted[1])]), text)


def called() -> set[str]:
    """Return the words at the places of commands, but for those of bash and programs."""
    place = r'^|\bif |\bthen |\bdo |&& |\|\| |\$\('
    words = re.findall(rf'(?m)(?:{place}) *(?:[A-Z_]+=\S+ +)?([a-z_][\w-]*)(?=[ \n)])', code())
    return set(words) - BASH - PROGRAMS


def test_all_functions_that_are_called_are_devstacks_or_the_plugins() -> None:
    own = set(re.findall(r'(?m)^function (\w+)', (PLUGIN / 'plugin.sh').read_text()))
    of_devstack = {name for names in DEVSTACK['functions'].values() for name in names}
    assert called() - own - of_devstack == set()
    # The search finds them at all.
    assert {'is_service_enabled', 'run_process', 'stop_process', 'setup_develop', 'pip_install', 'conductor_conf',
            'enable_service', 'define_plugin', 'echo_summary'} <= called()


def test_all_variables_are_devstacks_or_the_plugins() -> None:
    used = set(re.findall(r'\$\{?([A-Z][A-Z0-9_]+)', code()))
    of_devstack = {name for names in DEVSTACK['variables'].values() for name in names}
    assert {name for name in used if not name.startswith('NOVA_VNC_')} <= of_devstack
    assert {'NOVA_CONF', 'NOVNC_WEB_DIR', 'CELLSV2_SETUP', 'DATABASE_TYPE', 'DEST'} <= used


def test_the_functions_that_tell_bear_devstacks_names() -> None:
    of_devstack = {name for names in DEVSTACK['functions'].values() for name in names}
    told = set(re.findall(r'(?m)^ *function (\w+)', FUNCTIONS.read_text()))
    assert told - of_devstack == {'phase', 'python3', 'rm'}
