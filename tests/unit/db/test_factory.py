# SPDX-License-Identifier: Apache-2.0

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from nova_vnc import exception
from nova_vnc.db import factory
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
