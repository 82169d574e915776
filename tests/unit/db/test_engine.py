# SPDX-License-Identifier: Apache-2.0

import contextlib
import logging
import os
import resource
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from nova_vnc import exception
from nova_vnc.db import engine
from nova_vnc.db.engine import Database
from nova_vnc.db.schema import Content
from tests.fixtures.database import locked_for_writing
from tests.fixtures.nova_database import RELEASES, create_tables, new_nova_database

COUNT = sa.text('SELECT count(*) FROM instance_holders')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'state' / 'nova-vnc.sqlite'


@pytest.fixture
def own(path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(own_file=str(path))) as database:
        yield database


def count(database: Database) -> int:
    return database.read(lambda connection: connection.execute(COUNT).scalar())


def insert(database: Database, uuid: str = 'u') -> None:
    statement = sa.text("INSERT INTO instance_holders (uuid, host) VALUES (:uuid, 'host')")
    database.write(lambda connection: connection.execute(statement, {'uuid': uuid}))


def sqlite_file(path: Path, *statements: str) -> Database:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return Database(f'sqlite:///{path}')


class TestOwnFile:
    def test_is_made_for_its_owner_only(self, own: Database, path: Path):
        insert(own)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute('PRAGMA journal_mode').fetchone() == ('wal',)
            connection.execute('SELECT * FROM instance_holders').fetchall()
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert modes.pop('nova-vnc.sqlite') == 0o600
        assert not any(mode & 0o077 for mode in modes.values())

    def test_keeps_what_it_has_over_restarts(self, own: Database, path: Path):
        insert(own)
        own.close()
        assert count(Database(own_file=str(path))) == 1

    def test_a_file_that_others_can_read_is_closed_to_them(self, path: Path):
        path.parent.mkdir()
        path.touch(0o644)
        Database(own_file=str(path)).prepare()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_many_that_start_at_once(self, path: Path):
        databases = [Database(own_file=str(path)) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Database.prepare, databases))
        insert(databases[0])
        assert [count(database) for database in databases] == [1] * 8

    def test_another_process_leaves_it_while_this_one_opens_it(self, own: Database, path: Path):
        insert(own)
        own.close()
        with contextlib.closing(sqlite3.connect(path, check_same_thread=False)) as other:
            # What the last one does when it leaves, only longer.
            other.execute('PRAGMA locking_mode = EXCLUSIVE')
            other.execute('DELETE FROM instance_homes')
            other.commit()
            leave = threading.Timer(0.3, other.close)
            leave.start()
            own.prepare()
            leave.join()
        assert count(own) == 1

    def test_sync_makes_it_too(self, own: Database, path: Path):
        own.sync()
        assert path.exists()

    def test_its_directory_is_not_one(self, tmp_path: Path):
        (tmp_path / 'state').touch()
        database = Database(own_file=str(tmp_path / 'state' / 'below' / 'nova-vnc.sqlite'))
        with pytest.raises(exception.ConfigurationError, match=r'\[DEFAULT\]state_path: .* cannot be written'):
            database.prepare()
        with pytest.raises(exception.StoreUnavailable):
            count(database)

    def test_of_root_belongs_to_whom_the_directory_belongs(self, own: Database, path: Path):
        if os.geteuid() != 0:
            pytest.skip('only root can give files away')
        path.parent.mkdir()
        os.chown(path.parent, 1, 1)
        insert(own)
        assert {file.stat().st_uid for file in path.parent.iterdir()} == {1}


class TestBadDays:
    def test_a_lock_that_is_released_in_time(self, own: Database, path: Path):
        count(own)
        with locked_for_writing(path) as other:
            release = threading.Timer(0.3, other.execute, ['ROLLBACK'])
            release.start()
            insert(own)
            release.join()
        assert count(own) == 1

    def test_a_lock_that_is_not(self, own: Database, path: Path, caplog: pytest.LogCaptureFixture,
                                monkeypatch: pytest.MonkeyPatch):
        caplog.set_level(logging.INFO)
        monkeypatch.setitem(engine._RETRY_FOR_S, 'write', 0.2)
        count(own)
        with locked_for_writing(path):
            for _ in range(2):
                with pytest.raises(exception.StoreUnavailable, match='database is locked'):
                    insert(own)
            assert count(own) == 0   # in WAL mode
        insert(own)
        assert [record.levelname for record in caplog.records if record.name == 'nova_vnc.db.failures'] == \
            ['ERROR', 'INFO']

    def test_writers_in_each_others_way(self, own: Database, path: Path):
        others = [Database(own_file=str(path)) for _ in range(3)]
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda number: insert([own, *others][number % 4], str(number)), range(100)))
        assert count(own) == 100

    def test_the_file_is_deleted(self, own: Database, path: Path):
        insert(own)
        for file in path.parent.iterdir():
            file.unlink()
        with pytest.raises(exception.StoreUnavailable, match='unable to open database file'):
            count(own)
        assert count(own) == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_it_is_no_database(self, path: Path, caplog: pytest.LogCaptureFixture):
        path.parent.mkdir()
        path.write_text('Hello world.' * 1000)
        database = Database(own_file=str(path))
        for _ in range(2):
            with pytest.raises(exception.StoreUnavailable, match='file is not a database'):
                database.prepare()
        errors = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert [record.getMessage() for record in errors] == [
            f'The database {path} cannot be used: file is not a database. Trying at every request until it can.']
        assert errors[0].exc_info is None

    def test_the_disk_is_full(self, own: Database, caplog: pytest.LogCaptureFixture):
        insert(own)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            with pytest.raises(exception.StoreUnavailable):
                insert(own, 'v')
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        insert(own, 'w')
        assert count(own) == 2
        assert not any(record.exc_info for record in caplog.records)

    def test_a_server_that_is_away_is_not_asked_by_one_after_the_other(self, monkeypatch: pytest.MonkeyPatch):
        attempts = []

        def fail_slowly(self: Database) -> None:
            attempts.append(1)
            time.sleep(0.3)
            raise OSError('no route to host')
        monkeypatch.setattr(Database, '_connect', fail_slowly)
        database = Database('mysql+pymysql://192.0.2.1/nova_vnc')

        def try_it(_: int) -> str:
            with pytest.raises(exception.StoreUnavailable) as caught:
                database.prepare()
            return str(caught.value)
        with ThreadPoolExecutor(5) as pool:
            reasons = set(pool.map(try_it, range(5)))
        assert reasons == {'The database is not available: no route to host'}
        assert len(attempts) < 5


class TestOthersDatabase:
    def test_is_synced_first(self, tmp_path: Path):
        database = sqlite_file(tmp_path / 'other.sqlite')
        with pytest.raises(exception.ConfigurationError, match=r'\[database\]connection .* nova-vnc-manage db sync'):
            database.prepare()
        database.sync()
        database.sync()
        assert count(database) == 0

    def test_in_a_file_has_no_pool_to_wait_for(self, tmp_path: Path):
        sqlite_file(tmp_path / 'other.sqlite').sync()
        assert count(Database(f'sqlite:///{tmp_path}/other.sqlite', options={'pool_timeout': 9})) == 0

    @pytest.mark.parametrize('release', RELEASES)
    def test_of_nova(self, tmp_path: Path, release: str):
        with new_nova_database(tmp_path, release) as database:
            assert database.content() is Content.NOVA
            assert ('tls_port' in database.columns('console_auth_tokens')) is (release == '34.0.0')
            with pytest.raises(exception.ConfigurationError, match=r'\[database\]connection .* nova-manage db sync'):
                database.sync()
            tables = database.read(lambda connection: sa.inspect(connection).get_table_names())
        assert sorted(tables) == ['console_auth_tokens', 'instances', 'tags']

    @pytest.mark.parametrize(('statements', 'reason'), [
        (['CREATE TABLE instances (id int)', 'CREATE TABLE console_auth_tokens (id int)'], 'GRANT SELECT'),
        (['CREATE TABLE console_auth_tokens (id int)', 'CREATE TABLE alembic_version (version_num text)'], 'Queens'),
        (['CREATE TABLE cell_mappings (id int)'], "Nova's API database")])
    def test_of_a_nova_that_cannot_be_used(self, tmp_path: Path, statements: list[str], reason: str):
        database = sqlite_file(tmp_path / 'nova.sqlite', *statements)
        with pytest.raises(exception.ConfigurationError, match=rf'\[database\]connection .*{reason}'):
            database.prepare()
        with pytest.raises(exception.ConfigurationError, match=r'\[database\]connection .* nova-manage db sync'):
            database.sync()
        with pytest.raises(exception.StoreUnavailable):
            count(database)

    def test_of_nova_after_our_tables_were_made_there(self, tmp_path: Path):
        database = sqlite_file(tmp_path / 'nova.sqlite')
        database.sync()
        with contextlib.closing(sqlite3.connect(tmp_path / 'nova.sqlite')) as connection:
            connection.execute('DROP TABLE console_auth_tokens')
        create_tables(f'sqlite:///{tmp_path}/nova.sqlite', '34.0.0')
        assert database.content() is Content.NOVA

    def test_that_holds_what_is_not_needed(self, tmp_path: Path):
        with new_nova_database(tmp_path, '34.0.0') as database:
            database.require(Content.NOVA, 'x = y')
            assert database.content() is Content.NOVA
            with pytest.raises(exception.ConfigurationError, match=r"x = z needs our tables, .* Nova's"):
                database.require(Content.OURS, 'x = z')
            database.close()
            with pytest.raises(exception.ConfigurationError):
                database.prepare()

    def test_name_has_no_password(self):
        assert Database('mysql+pymysql://nova:secret@db.example.com/x').name == 'mysql+pymysql://nova:***@db.example.com/x'

    def test_is_local(self, path: Path):
        assert Database(own_file=str(path)).is_local
        assert Database('sqlite:////tmp/x').is_local
        assert not Database('mysql+pymysql://db.example.com/x').is_local
