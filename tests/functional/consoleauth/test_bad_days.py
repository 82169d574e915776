# SPDX-License-Identifier: Apache-2.0

import contextlib
import logging
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nova_vnc import exception, objects
from nova_vnc.db import engine, factory
from tests.fixtures.database import locked_for_writing
from tests.fixtures.polling import wait_until
from tests.functional.consoleauth.rig import INSTANCE, Rig


@pytest.fixture
def ready(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setitem(engine._RETRY_FOR_S, 'write', 0.3)
    rig.start()
    rig.start_compute()
    rig.report(INSTANCE)
    rig.authorize()
    return rig


def set_connection(rig: Rig, url: str) -> None:
    factory.register_opts(rig.bus.conf)
    rig.bus.conf.set_override('connection', url, group='database')


def nova_database(directory: Path) -> str:
    path = directory / 'nova.sqlite'
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE instances (id int)')
        connection.execute('CREATE TABLE console_auth_tokens (id int)')
    return f'sqlite:///{path}'


def test_locked(ready: Rig):
    with locked_for_writing(ready.database_path):
        with pytest.raises(exception.StoreUnavailable, match='database is locked'):
            ready.authorize(token='another')
        # What was stored can be read.
        assert ready.check().connect_info is not None
    ready.authorize(token='another')
    assert ready.check('another').connect_info is not None


def test_gone_and_back(ready: Rig, tmp_path: Path):
    away = ready.directory.rename(tmp_path.with_name('away'))
    ready.directory.write_text('')
    assert ready.is_unavailable()
    ready.directory.unlink()
    away.rename(ready.directory)
    assert ready.check().connect_info is not None


def test_destroyed(ready: Rig, caplog: pytest.LogCaptureFixture):
    for file in ready.directory.iterdir():
        file.write_bytes(b'garbage' * 1000)
    assert ready.is_unavailable()
    for file in ready.directory.iterdir():
        file.unlink()
    wait_until(lambda: not ready.is_unavailable(), 10, 'a new file')
    ready.report(INSTANCE)
    assert ready.check().connect_info is not None
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.name for record in errors] == ['nova_vnc.db.failures']
    assert not any(record.exc_info for record in caplog.records)


def test_expired_tokens_are_purged(rig: Rig):
    rig.bus.conf.set_override('instance_delete_interval', 1)
    rig.bus.conf.set_override('token_ttl', 0, group='consoleauth')
    rig.start()

    def count() -> int:
        with contextlib.closing(sqlite3.connect(rig.database_path)) as connection:
            return connection.execute('SELECT count(*) FROM console_auth_tokens').fetchone()[0]
    for token in ('one', 'two'):    # the first one may still be met by the removal at the start
        rig.authorize(token=token)
        wait_until(lambda: count() == 0, 30, 'an empty table')


def test_expired_tokens_stay_where_that_is_asked_for(rig: Rig):
    rig.bus.conf.set_override('instance_delete_interval', -1)
    rig.start()
    wait_until(lambda: 'token-purge' not in [thread.name for thread in threading.enumerate()], 30, 'nobody to purge')


class TestConfiguration:
    def test_novas_database(self, rig: Rig, tmp_path: Path):
        set_connection(rig, nova_database(tmp_path))
        with pytest.raises(exception.ConfigurationError, match=r"\[database\]connection .* Nova's database is not"):
            rig.start()

    def test_novas_database_on_a_server(self, rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """A server is not waited for, so what is there is found out later."""
        monkeypatch.setattr(engine.Database, 'is_local', False)
        set_connection(rig, nova_database(tmp_path))
        rig.start()
        assert "Nova's database is not supported yet" in wait_until(lambda: rig.failures, 10, 'failure')[0]
        assert rig.check().reason == objects.REASON_UNAVAILABLE

    def test_database_that_was_not_synced(self, rig: Rig, tmp_path: Path):
        set_connection(rig, f'sqlite:///{tmp_path}/empty.sqlite')
        with pytest.raises(exception.ConfigurationError, match='run nova-vnc-manage db sync'):
            rig.start()

    def test_server_that_is_away(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        set_connection(rig, 'mysql+pymysql://nova:secret@127.0.0.1:1/nova_vnc')
        rig.start()
        assert rig.is_unavailable()
        errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(errors) == 1
        assert errors[0].startswith('The database mysql+pymysql://nova:***@127.0.0.1:1/nova_vnc cannot be used')


_START_AND_WRITE = '''
import sys, uuid
import sqlalchemy as sa
from nova_vnc.db.engine import Database
database = Database(own_file=sys.argv[1])
for _ in range(20):
    row = {'uuid': str(uuid.uuid4())}
    database.write(lambda connection: connection.execute(sa.text(
        "INSERT INTO instance_holders (uuid, host) VALUES (:uuid, 'host')"), row))
'''


def test_processes_that_start_at_once_on_a_new_file(tmp_path: Path):
    path = tmp_path / 'new' / 'nova-vnc.sqlite'
    processes = [subprocess.Popen([sys.executable, '-W', 'ignore', '-c', _START_AND_WRITE, path],
                                  stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.communicate(timeout=60)[1] == ''
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute('SELECT count(*) FROM instance_holders').fetchone() == (80,)
