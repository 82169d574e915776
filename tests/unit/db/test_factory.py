# SPDX-License-Identifier: Apache-2.0

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from nova_vnc import exception
from nova_vnc.db import connections, factory
from nova_vnc.db.engine import Database
from tests.fixtures.bus import new_conf


def build(connection: str) -> Database:
    conf = new_conf()
    factory.register_opts(conf)
    conf.set_override('connection', connection, group='database')
    return factory.build_database(conf)


def test_file_of_our_own(tmp_path: Path):
    conf = new_conf()
    conf.set_override('state_path', str(tmp_path))
    database = factory.build_database(conf)
    assert database.name == str(tmp_path / 'nova-vnc.sqlite')
    database.prepare()


def test_configured(tmp_path: Path):
    database = build(f'sqlite:///{tmp_path}/other.sqlite')
    database.sync()
    assert (tmp_path / 'other.sqlite').exists()


@pytest.mark.parametrize(('asked', 'used'), [('utf8', 'utf8mb4'), ('utf8mb3', 'utf8mb4'), ('latin1', 'latin1')])
def test_the_utf8_of_mysql_that_lacks_characters_is_not_used(asked: str, used: str):
    """It cuts a text off at the first one that it lacks: a filter would find what it should not."""
    url = factory.complete_url(f'mysql://nova@db.example.com/nova?charset={asked}')
    assert sa.make_url(url).query['charset'] == used


def test_servers_are_not_waited_for_too_long():
    url = sa.make_url(build('mysql+pymysql://nova:secret@db.example.com/nova_vnc?read_timeout=1')._url)
    assert url.query == {'connect_timeout': '3', 'read_timeout': '1', 'write_timeout': '5', 'charset': 'utf8mb4'}
    assert url.password == 'secret'


@pytest.mark.parametrize(('connection', 'driver'), [
    ('mysql://db.example.com/x', 'mysql+pymysql'), ('postgresql://db.example.com/x', 'postgresql+psycopg2')])
def test_the_driver_of_a_url_without_one_is_that_of_our_extra(connection: str, driver: str):
    url = sa.make_url(build(connection)._url)
    assert url.drivername == driver
    assert url.query['connect_timeout'] == '3'


@pytest.mark.parametrize('connection', [
    'nova:secret@db.example.com',
    'mysql+pymysql://nova:secret@db.example.com:port/x',
    'nosuchdatabase://nova:secret@db.example.com/x',
    'mysql+nosuchdriver://nova:secret@db.example.com/x',
])
def test_malformed(connection: str):
    with pytest.raises(exception.ConfigurationError, match=r'\[database\]connection') as caught:
        build(connection)
    assert 'secret' not in str(caught.value)


@pytest.mark.parametrize(('driver', 'library', 'extra'), [
    ('mysql+mysqldb', 'MySQLdb', r'; pip install nova-vnc\[mysql\] brings PyMySQL'),
    ('postgresql+psycopg', 'psycopg', r'; pip install nova-vnc\[postgresql\] brings psycopg2'),
    ('oracle+oracledb', 'oracledb', '')])
def test_a_driver_that_is_not_installed(driver: str, library: str, extra: str):
    with pytest.raises(exception.ConfigurationError, match=rf'\[database\]connection = {re.escape(driver)}:.* not '
                                                           rf'installed .*{library}.*\){extra}$') as caught:
        build(f'{driver}://nova:secret@db.example.com/x')
    assert 'secret' not in str(caught.value)


def test_every_option_of_novas_is_accepted_and_those_that_mean_something_count(tmp_path: Path):
    path = tmp_path / 'nova.conf'
    path.write_text(
        '[database]\nconnection = mysql+pymysql://nova:secret@db.example.com/nova?charset=utf8\n'
        'slave_connection = mysql+pymysql://nova:secret@db2.example.com/nova\nbackend = sqlalchemy\n'
        'mysql_sql_mode = ANSI\nmysql_wsrep_sync_wait = 1\nconnection_recycle_time = 10\nmax_pool_size = 7\n'
        'max_overflow = 8\npool_timeout = 9\nmax_retries = -1\nretry_interval = 3\nconnection_debug = 0\n'
        'connection_trace = true\nconnection_parameters = ssl_disabled=1\nuse_db_reconnect = true\n'
        'db_retry_interval = 1\ndb_inc_retry_interval = false\ndb_max_retry_interval = 4\ndb_max_retries = 5\n'
        'sqlite_synchronous = false\nuse_tpool = true\nmysql_enable_ndb = false\n')
    conf = new_conf()
    conf(['--config-file', str(path)])
    database = factory.build_database(conf)
    assert database.name == 'mysql+pymysql://nova:***@db.example.com/nova'
    assert sa.make_url(database._url).query['charset'] == 'utf8mb4'
    assert {name: database._options[name] for name in (
        'mysql_sql_mode', 'mysql_wsrep_sync_wait', 'connection_recycle_time', 'max_pool_size', 'max_overflow',
        'pool_timeout', 'connection_trace', 'connection_parameters')} == {
            'mysql_sql_mode': 'ANSI', 'mysql_wsrep_sync_wait': 1, 'connection_recycle_time': 10, 'max_pool_size': 7,
            'max_overflow': 8, 'pool_timeout': 9, 'connection_trace': True, 'connection_parameters': 'ssl_disabled=1'}
    engine = connections.engine_to_write(database._url, database._options)
    assert (engine.pool.size(), engine.pool._max_overflow, engine.pool._recycle) == (7, 8, 10)


def test_another_database_with_the_same_options():
    conf = new_conf()
    factory.register_opts(conf)
    conf.set_override('connection', 'sqlite:////nowhere', 'database')
    conf.set_override('max_pool_size', 7, 'database')
    database = factory.build_database(conf, 'postgresql://nova@db.example.com/nova_cell2')
    assert database.name == 'postgresql+psycopg2://nova@db.example.com/nova_cell2'
    assert database._options['max_pool_size'] == 7


def test_the_api_database_has_options_of_its_own():
    conf = new_conf()
    for group, size in (('database', 3), ('api_database', 7)):
        factory.register_opts(conf)
        conf.set_override('connection', f'sqlite:////nowhere/{group}', group)
        conf.set_override('max_pool_size', size, group)
    assert factory.build_api_database(conf)._options['max_pool_size'] == 7
    assert factory.build_api_database(conf).name == 'sqlite:////nowhere/api_database'
    assert factory.build_database(conf)._options['max_pool_size'] == 3
