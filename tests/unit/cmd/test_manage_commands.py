# SPDX-License-Identifier: Apache-2.0

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from oslo_config import cfg

from nova_vnc import conf as nova_vnc_conf
from nova_vnc import exception
from nova_vnc.cmd import manage_commands
from nova_vnc.consoleauth.directory.base import Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord
from tests.fixtures.nova_database import create_tables

UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'


@pytest.fixture
def conf_path(tmp_path: Path) -> Path:
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\nstate_path = {tmp_path}/state\n')
    return path


class Manage:
    def __init__(self, conf_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._conf_path = conf_path
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        """Run the command and return what it prints."""
        conf = cfg.ConfigOpts()
        nova_vnc_conf.register_opts(conf)
        manage_commands.register_cli_opts(conf)
        conf(['--config-file', str(self._conf_path), *arguments])
        manage_commands.run(conf)
        return self._capsys.readouterr().out

    def refuses(self, *arguments: str) -> str:
        """Give it arguments that cannot be parsed, and return what it prints."""
        with pytest.raises(SystemExit) as caught:
            self(*arguments)
        assert caught.value.code == 2
        return self._capsys.readouterr().err


@pytest.fixture
def manage(conf_path: Path, capsys: pytest.CaptureFixture[str]) -> Manage:
    return Manage(conf_path, capsys)


def report(conf_path: Path, host: str = 'h1', **fields: object) -> None:
    database = Database(own_file=str(conf_path.with_name('state') / 'nova-vnc.sqlite'))
    with contextlib.closing(database):
        ReportedInstanceDirectory(database, 180).report(Report(host, 1, 1, [InstanceRecord(uuid=UUID, **fields)]))


def age(tmp_path: Path, host: str, by_s: float) -> None:
    """Let the last report of a host be older."""
    with contextlib.closing(sqlite3.connect(tmp_path / 'state' / 'nova-vnc.sqlite')) as connection, connection:
        connection.execute('UPDATE reported_hosts SET last_report_at = last_report_at - ?, silent_since = 0 '
                           'WHERE host = ?', (by_s, host))


def test_sync_of_our_own_file(manage: Manage, tmp_path: Path):
    assert manage('db', 'sync') == f'The tables of {tmp_path}/state/nova-vnc.sqlite are up to date.\n'
    assert manage('db', 'sync')


def test_sync_of_another_database(manage: Manage, conf_path: Path, tmp_path: Path):
    conf_path.write_text(f'[database]\nconnection = sqlite:///{tmp_path}/other.sqlite\n')
    assert manage('db', 'sync') == f'The tables of sqlite:///{tmp_path}/other.sqlite are up to date.\n'


@pytest.fixture
def on_nova(conf_path: Path, tmp_path: Path) -> None:
    create_tables(f'sqlite:///{tmp_path}/nova.sqlite', '34.0.0')
    conf_path.write_text(f'[database]\nconnection = sqlite:///{tmp_path}/nova.sqlite\n')


@pytest.mark.parametrize(('arguments', 'error', 'reason'), [
    ('db sync', exception.ConfigurationError, 'nova-manage db sync'),
    (f'instance set-owner {UUID} --project p1', exception.InvalidInput, "directory is Nova's own"),
    (f'instance unset-owner {UUID}', exception.InvalidInput, "directory is Nova's own"),
    (f'instance set-host {UUID} h1', exception.InvalidInput, "directory is Nova's own"),
    ('host list', exception.InvalidInput, "directory is Nova's own"),
    ('host forget h1', exception.InvalidInput, "directory is Nova's own")])
def test_what_is_left_to_nova(manage: Manage, on_nova: None, arguments: str, error: type[Exception], reason: str):
    with pytest.raises(error, match=reason) as caught:
        manage(*arguments.split())
    assert '\n' not in str(caught.value)


def test_owner(manage: Manage, conf_path: Path):
    assert manage('instance', 'set-owner', UUID.upper(), '--project', 'p1', '--user', 'u1') == \
        f'Instance {UUID} will belong to project p1 once a compute host reports it.\n'
    report(conf_path)
    assert manage('instance', 'set-owner', UUID, '--project', 'p2') == f'Instance {UUID} belongs to project p2.\n'
    assert manage('instance', 'unset-owner', UUID) == f'Instance {UUID} has no owner set here any more.\n'
    assert manage('instance', 'unset-owner', UUID) == f'Instance {UUID} had no owner set here.\n'


def test_owner_of_a_vm_of_nova(manage: Manage, conf_path: Path):
    report(conf_path, project_id='p1')
    assert manage('instance', 'set-owner', UUID, '--project', 'p2') == f'Instance {UUID} belongs to project p2.\n'


def test_host(manage: Manage, conf_path: Path, tmp_path: Path):
    report(conf_path, 'evil', project_id='p-evil')
    report(conf_path, 'h1', project_id='p1')
    assert manage('instance', 'set-host', UUID, 'h1') == f'Instance {UUID} is on host h1.\n'
    assert manage('instance', 'set-host', UUID.upper(), 'h1') == f'Instance {UUID} is on host h1.\n'
    with pytest.raises(exception.InvalidInput,
                       match=f'host h2 does not report instance {UUID}; those that do: evil, h1$'):
        manage('instance', 'set-host', UUID, 'h2')
    age(tmp_path, 'h1', 600)
    assert manage('instance', 'set-host', UUID, 'h1') == f'Instance {UUID} is on host h1.\n'


def test_hosts(manage: Manage, conf_path: Path, tmp_path: Path):
    assert manage('host', 'list').split() == ['HOST', 'LAST', 'REPORT', 'AGE', 'VMS', 'STATE']
    for host in ('h1', 'h2', 'h3'):
        report(conf_path, host)
    age(tmp_path, 'h1', 2000)
    age(tmp_path, 'h2', 200)
    lines = [line.split() for line in manage('host', 'list').splitlines()]
    assert [(line[0], line[-2], line[-1]) for line in lines[1:]] == [
        ('h1', '1', 'unknown'), ('h2', '0', 'silent'), ('h3', '0', 'up')]
    assert float(lines[1][3].rstrip('s')) == pytest.approx(2000, abs=60)
    found = json.loads(manage('host', 'list', '--json'))
    assert [set(host) for host in found] == [
        {'host', 'last_report_at', 'instances', 'is_silent', 'is_unknown'}] * 3
    assert [(host['host'], host['is_silent'], host['is_unknown']) for host in found] == [
        ('h1', True, True), ('h2', True, False), ('h3', False, False)]


def test_forget_a_host(manage: Manage, conf_path: Path):
    report(conf_path, 'h1')
    report(conf_path, 'h2')
    assert manage('host', 'forget', 'h1') == \
        'Host h1 and what it said of 1 VMs are forgotten. If it reports again, it is listed again.\n'
    assert [line.split()[0] for line in manage('host', 'list').splitlines()] == ['HOST', 'h2']
    assert '1' in manage('host', 'list').splitlines()[1].split()
    with pytest.raises(exception.InvalidInput, match='no host h1 has reported'):
        manage('host', 'forget', 'h1')


def test_malformed(manage: Manage):
    with pytest.raises(exception.InvalidInput, match="'x' is not a UUID"):
        manage('instance', 'set-owner', 'x', '--project', 'p1')
    assert 'required: command' in manage.refuses()
    assert 'required: ACTION' in manage.refuses('db')
    assert '--project' in manage.refuses('instance', 'set-owner', UUID)
    assert 'nothing' in manage.refuses('nothing')


@pytest.mark.parametrize('arguments', [
    ['instance', 'set-owner', UUID, '--project', ''], ['instance', 'set-owner', UUID, '--project', 'a\nb'],
    ['instance', 'set-owner', UUID, '--project', '\udcff'], ['instance', 'set-owner', UUID, '--project', 'x' * 256],
    ['instance', 'set-owner', UUID, '--project', 'p', '--user', '\udcff'], ['host', 'forget', '\udcff']])
def test_what_is_no_name(manage: Manage, arguments: list[str]):
    with pytest.raises(exception.InvalidInput, match='is no printable text of 1 to 255 characters') as caught:
        manage(*arguments)
    assert str(caught.value).isascii()
