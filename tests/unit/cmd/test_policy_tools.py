# SPDX-License-Identifier: Apache-2.0
"""The tools of oslo.policy on our rules, and the sample that one of them writes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 60


def run(tool, *arguments):
    return subprocess.run([Path(sys.executable).with_name(f'oslopolicy-{tool}'), *arguments], cwd=ROOT,
                          timeout=TIMEOUT_S, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def operator(tmp_path):
    """Return what a tool is told of an operator's files, given his rules."""
    def write(policy):
        (tmp_path / 'policy.yaml').write_text(policy)
        (tmp_path / 'nova.conf').write_text(f'[oslo_policy]\npolicy_file = {tmp_path}/policy.yaml\n')
        return '--namespace', 'nova_vnc', '--config-file', str(tmp_path / 'nova.conf')
    return write


def test_the_sample_is_fresh(tmp_path):
    made = tmp_path / 'policy.yaml.sample'
    done = run('sample-generator', '--namespace', 'nova_vnc', '--output-file', str(made))
    assert done.returncode == 0, done.stderr
    assert made.read_text() == (ROOT / 'etc/policy.yaml.sample').read_text(), 'run: tox -e genpolicy'


def test_list_redundant(operator):
    done = run('list-redundant', *operator('"os_compute_api:os-remote-consoles": "rule:project_member_or_admin"\n'
                                           '"os_compute_api:servers:show": "@"\n'))
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith('"')] == [
        '"os_compute_api:os-remote-consoles": "rule:project_member_or_admin"']


def test_policy_generator(operator):
    done = run('policy-generator', *operator('"os_compute_api:os-remote-consoles": "role:reader"\n'))
    assert done.returncode == 0, done.stderr
    assert '"os_compute_api:os-remote-consoles": "role:reader"' in done.stdout
    assert '"os_compute_api:servers:show": "rule:project_reader_or_admin"' in done.stdout


@pytest.mark.parametrize(('policy', 'status'), [
    ('"os_compute_api:os-remote-consoles": "role:reader"\n', 0),
    ('"os_compute_api:os-remote-consoles": "rule:nosuch"\n', 1)])
def test_validator(operator, policy, status):
    done = run('validator', *operator(policy))
    assert done.returncode == status, done.stdout + done.stderr
