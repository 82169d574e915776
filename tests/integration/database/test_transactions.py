# SPDX-License-Identifier: Apache-2.0
"""Transactions in each other's way, and servers that do not answer."""

import contextlib
import itertools
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from nova_vnc import exception
from nova_vnc.db import connections, engine, factory
from nova_vnc.db.engine import Database
from tests.fixtures.database_server import SERVERS, DatabaseServer

A, B = 'a' * 36, 'b' * 36


@pytest.fixture
def rows(database: Database) -> Database:
    """Return a database with the holders A and B, each on host h1."""
    insert = sa.text("INSERT INTO instance_holders (uuid, host) VALUES (:uuid, 'h1')")
    database.write(lambda connection: connection.execute(insert, [{'uuid': A}, {'uuid': B}]))
    return database


def set_host(connection: sa.Connection, uuid: str, host: str) -> None:
    connection.execute(sa.text('UPDATE instance_holders SET host = :host WHERE uuid = :uuid'),
                       {'uuid': uuid, 'host': host})


def host_of(database: Database, uuid: str) -> str:
    select = sa.text('SELECT host FROM instance_holders WHERE uuid = :uuid')
    return database.read(lambda connection: connection.execute(select, {'uuid': uuid}).scalar())


@contextlib.contextmanager
def locked_by_another(database: Database, uuid: str) -> Iterator[sa.Connection]:
    """Keep a row locked, as a nova-consoleauth does that hangs in the midst of a transaction."""
    other = sa.create_engine(database._url)
    with contextlib.closing(other.connect()) as connection:
        set_host(connection, uuid, 'hung')
        yield connection
    other.dispose()


def test_two_that_wait_for_each_other_both_succeed(rows: Database):
    met = threading.Barrier(2)
    attempts = []

    def change(first: str, second: str) -> None:
        def work(connection: sa.Connection) -> None:
            attempts.append(first)
            set_host(connection, first, f'h-{first[0]}')
            if len(attempts) <= 2:
                met.wait(10)
            set_host(connection, second, f'h-{first[0]}')
        rows.write(work)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, (A, B), (B, A)))
    assert len(attempts) > 2
    assert host_of(rows, A) == host_of(rows, B)


def test_a_lock_that_is_released_in_time(rows: Database):
    with locked_by_another(rows, A) as other:
        threading.Timer(connections._LOCK_TIMEOUT_S + 0.5, other.rollback).start()
        rows.write(lambda connection: set_host(connection, A, 'h2'))
    assert host_of(rows, A) == 'h2'


def test_a_lock_that_is_not_released_hinders_nobody_else(rows: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(engine._RETRY_FOR_S, 'write', 0.1)
    ended = threading.Event()

    def read_on() -> int:
        count = 0
        while not ended.is_set():
            assert host_of(rows, B) == 'h1'
            count += 1
            time.sleep(0.01)
        return count
    with locked_by_another(rows, A), ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read_on)
        began = time.monotonic()
        try:
            with pytest.raises(exception.StoreUnavailable):
                rows.write(lambda connection: set_host(connection, A, 'h2'))
            assert time.monotonic() - began < connections._LOCK_TIMEOUT_S + 1.5
        finally:
            ended.set()
        assert reader.result() > 10


def wait_for_byte(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.recv(1)


def test_a_descriptor_on_which_a_green_thread_was_left_waiting(database: Database):
    """A library in C gets a number that eventlet believes to be in use."""
    database.close()
    socks = [sock for _ in range(4) for sock in socket.socketpair()]
    for sock in socks:
        threading.Thread(target=wait_for_byte, args=(sock,), daemon=True).start()
    time.sleep(0.05)    # until they wait
    for sock in socks:
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()
    try:
        assert host_of(database, A) is None
    finally:
        database.close()
        for sock in [sock for _ in range(8) for sock in socket.socketpair()]:
            sock.close()    # with that eventlet knows that nobody waits for these numbers, in the next tests


@pytest.fixture
def own_server(server: DatabaseServer) -> Iterator[DatabaseServer]:
    """Return a server of the same kind to stop, freeze and kill."""
    with SERVERS[server.name]() as own:
        yield own


def test_a_frozen_server(own_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, '_ANSWER_TIMEOUT_S', 1.0)
    monkeypatch.setattr(factory, '_TIMEOUTS_S', {'mysql+pymysql': {'read_timeout': '1'}})
    ticks: list[float] = []
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.05):
            ticks.append(time.monotonic())
    with own_server.new_database() as database:
        assert host_of(database, A) is None
        own_server.pause()
        threading.Thread(target=tick, daemon=True).start()
        try:
            with pytest.raises(exception.StoreUnavailable):
                host_of(database, A)
        finally:
            ended.set()
            own_server.resume()
        assert max(later - earlier for earlier, later in itertools.pairwise(ticks)) < 0.5
        assert host_of(database, A) is None


def test_a_server_that_is_killed_and_started_again(own_server: DatabaseServer, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    with own_server.new_database() as database:
        assert host_of(database, A) is None
        own_server.kill()
        for _ in range(2):
            with pytest.raises(exception.StoreUnavailable):
                host_of(database, A)
        own_server.start()
        assert host_of(database, A) is None
    assert [record.levelname for record in caplog.records if record.name == 'nova_vnc.db.failures'] == ['ERROR', 'INFO']
    assert not any(record.exc_info for record in caplog.records)
