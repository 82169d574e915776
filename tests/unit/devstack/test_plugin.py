# SPDX-License-Identifier: Apache-2.0
"""The devstack plugin against devstack's plugin contract, with devstack's own functions replaced by ones that tell.

This shows which calls are made in which phase, not that a whole devstack works.
"""

import subprocess
from pathlib import Path

DEVSTACK = Path(__file__).parents[3] / 'devstack'

PRELUDE = f"""
set -eu
DEST=/opt/stack DATA_DIR=/opt/stack/data REQUIREMENTS_DIR=/opt/stack/requirements NOVNC_WEB_DIR=/opt/stack/novnc
NOVA_CONF=/etc/nova/nova.conf NOVA_NUM_CELLS=2
function die {{ echo "die ${{*:2}}"; exit 1; }}
for name in echo_summary enable_service run_process stop_process python3 rm; do
    eval "function $name {{ echo $name \\"\\$@\\"; }}"
done
function conductor_conf {{ echo "/etc/nova/nova_cell$1.conf"; }}
function is_service_enabled {{ [[ " $ENABLED " == *" $1 "* ]]; }}
source {DEVSTACK}/settings > /dev/null
NOVA_VNC_VENV=/nonexistent/venv
function /nonexistent/venv/bin/pip {{ echo pip "$@"; }}
source {DEVSTACK}/plugin.sh "$@"
"""


def run_phase(*phase: str, enabled: str = 'n-novnc n-cauth', cells: str = 'superconductor') -> list[str]:
    """Return the calls that the plugin makes in a phase, such as ('stack', 'install')."""
    done = run(PRELUDE, *phase, enabled=enabled, cells=cells)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def run(script: str, *arguments: str, enabled: str = 'n-novnc n-cauth',
        cells: str = 'superconductor') -> subprocess.CompletedProcess[str]:
    return subprocess.run(['bash', '-c', script, 'bash', *arguments], capture_output=True, text=True, check=False,
                          env={'ENABLED': enabled, 'CELLSV2_SETUP': cells, 'PATH': '/usr/bin:/bin'})


def test_install_leaves_novas_own_commands_alone() -> None:
    assert run_phase('stack', 'install')[1:] == [
        'python3 -m venv --clear /nonexistent/venv',
        'pip install -c /opt/stack/requirements/upper-constraints.txt /opt/stack/nova-vnc[mysql]']


def test_each_cell_gets_a_consoleauth_and_another_proxy() -> None:
    assert run_phase('stack', 'extra')[1:5] == [
        'enable_service n-cauth-cell1',
        'run_process n-cauth-cell1 /nonexistent/venv/bin/nova-consoleauth --config-file /etc/nova/nova_cell1.conf',
        'stop_process n-novnc-cell1',
        'run_process n-novnc-cell1 /nonexistent/venv/bin/nova-novncproxy --config-file /etc/nova/nova_cell1.conf '
        '--web /opt/stack/novnc']
    assert len(run_phase('stack', 'extra')) == 1 + 2 * 4


def test_a_devstack_without_cells_has_one_of_each() -> None:
    calls = run_phase('stack', 'extra', cells='singleconductor')
    assert calls[2] == 'run_process n-cauth /nonexistent/venv/bin/nova-consoleauth --config-file /etc/nova/nova.conf'
    assert len(calls) == 1 + 4


def test_unstack_stops_what_devstack_does_not_know() -> None:
    assert run_phase('unstack') == [
        'enable_service n-cauth-cell1', 'stop_process n-cauth-cell1',
        'enable_service n-cauth-cell2', 'stop_process n-cauth-cell2']


def test_clean_removes_the_virtual_environment() -> None:
    assert run_phase('clean') == ['rm -rf /nonexistent/venv']


def test_a_devstack_whose_consoles_would_not_open_is_refused_before_anything_is_done() -> None:
    phases = '\n'.join(f'source {DEVSTACK}/plugin.sh stack {phase}'
                       for phase in ('pre-install', 'install', 'post-config', 'extra', 'test-config'))
    script = PRELUDE.replace(f'source {DEVSTACK}/plugin.sh "$@"\n', phases)
    done = run(script)
    assert done.returncode == 1
    assert done.stdout == ('die nova-vnc cannot open the consoles of a devstack yet, whose tokens are in '
                           "Nova's database: take enable_plugin nova-vnc out of local.conf\n")
    assert done.stderr == ''


def test_phases_without_work_and_hosts_without_a_proxy_do_nothing() -> None:
    assert run_phase('stack', 'pre-install', enabled='n-cpu n-cauth') == []
    assert run_phase('stack', 'post-config') == []
    assert run_phase('stack', 'extra', enabled='n-cpu n-cauth') == []
