# SPDX-License-Identifier: Apache-2.0
"""The SQLite file of nova-consoleauth is locked, or gone."""

import contextlib
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console, read_refusal
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import (
    NOT_VALID,
    assert_api_says_unavailable,
    assert_browser_reads_unavailable,
    assert_no_traceback,
    wait_for_session,
)

UNUSABLE = re.compile(r'The database \S+ cannot be used')
USABLE_AGAIN = r'The database \S+ can be used again'


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ) -> Iterator[Cloud]:
    with Cloud(rabbitmq.url) as cloud:
        # A directory of its own, which can be taken away.
        conf = cloud.conf()
        conf['DEFAULT']['state_path'] = cloud.directory / 'state'
        cloud.consoleauth.kill()
        cloud.consoleauth.configure(conf)
        cloud.consoleauth.start()
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
        yield cloud


@pytest.fixture
def state_path(cloud: Cloud) -> Path:
    return cloud.directory / 'state'


@pytest.fixture
def database_path(state_path: Path) -> Path:
    return state_path / 'nova-vnc.sqlite'


@contextlib.contextmanager
def locked_for_writing(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute('BEGIN EXCLUSIVE')
        yield
        connection.execute('ROLLBACK')


@contextlib.contextmanager
def locked_for_all(path: Path) -> Iterator[None]:
    """Lock it as a program does that must have the file for itself, such as one that repairs it.

    Possible only while nobody else has it open.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute('PRAGMA locking_mode = EXCLUSIVE')
        connection.execute('BEGIN EXCLUSIVE')
        yield
        connection.execute('ROLLBACK')


def assert_said_once(cloud: Cloud, mark: tuple[int, int]) -> None:
    cloud.consoleauth.wait_for_line(USABLE_AGAIN, since=mark)
    said = cloud.consoleauth.output(mark)
    assert len(UNUSABLE.findall(said)) == 1, said
    assert_no_traceback(cloud.services)


def test_locked_for_writing(cloud: Cloud, database_path: Path):
    instance_uuid = demo_instance_uuid(cloud.host)
    url, mark = cloud.console_url(instance_uuid), cloud.consoleauth.mark()
    with locked_for_writing(database_path):
        assert_api_says_unavailable(cloud, instance_uuid)
        # Tokens that were given out can be read.
        with open_console(url) as session:
            session.see_typed('while it is locked')
    wait_for_session(cloud, instance_uuid).close()
    assert_said_once(cloud, mark)


def test_locked_for_reading_and_writing(cloud: Cloud, database_path: Path):
    instance_uuid = demo_instance_uuid(cloud.host)
    url = cloud.console_url(instance_uuid)
    cloud.consoleauth.kill()
    mark = cloud.consoleauth.mark()
    with locked_for_all(database_path):
        cloud.consoleauth.start()
        cloud.consoleauth.wait_for_line(UNUSABLE.pattern, since=mark)
        assert_browser_reads_unavailable(url)
        assert_api_says_unavailable(cloud, instance_uuid)
    wait_for_session(cloud, instance_uuid).close()
    open_console(url).close()
    assert_said_once(cloud, mark)


@contextlib.contextmanager
def taken_away(state_path: Path) -> Iterator[None]:
    """Put a file in place of the directory; that is of as little use as one that may not be written, for root too."""
    away = state_path.rename(state_path.with_name('away'))
    state_path.write_text('')
    try:
        yield
    finally:
        state_path.unlink()
        away.rename(state_path)


def test_its_directory_is_away_at_start(cloud: Cloud, state_path: Path):
    instance_uuid = demo_instance_uuid(cloud.host)
    url = cloud.console_url(instance_uuid)
    cloud.consoleauth.kill()
    mark = cloud.consoleauth.mark()
    with taken_away(state_path):
        cloud.consoleauth.start()
        cloud.consoleauth.wait_for_line(UNUSABLE.pattern, since=mark)
        assert_browser_reads_unavailable(url)
        assert_api_says_unavailable(cloud, instance_uuid)
    wait_for_session(cloud, instance_uuid).close()
    open_console(url).close()
    assert_said_once(cloud, mark)


def test_its_directory_goes_while_it_runs(cloud: Cloud, state_path: Path):
    instance_uuid = demo_instance_uuid(cloud.host)
    url, mark = cloud.console_url(instance_uuid), cloud.consoleauth.mark()
    with taken_away(state_path):
        assert_browser_reads_unavailable(url)
        assert_api_says_unavailable(cloud, instance_uuid)
    wait_for_session(cloud, instance_uuid).close()
    open_console(url).close()
    assert_said_once(cloud, mark)


def test_it_is_deleted(cloud: Cloud, state_path: Path):
    instance_uuid = demo_instance_uuid(cloud.host)
    url = cloud.console_url(instance_uuid)
    shutil.rmtree(state_path)
    with wait_for_session(cloud, instance_uuid) as session:
        session.see_typed('with a new file')
    assert NOT_VALID in read_refusal(url).reason
    assert (state_path / 'nova-vnc.sqlite').exists()
    assert_no_traceback(cloud.services)
