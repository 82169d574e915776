# SPDX-License-Identifier: Apache-2.0

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import oslo_cache
import pytest
from oslo_config import cfg

from nova_vnc import conf as nova_vnc_conf
from nova_vnc import exception
from nova_vnc.consoleauth import choice as choice_module
from nova_vnc.consoleauth import chosen
from nova_vnc.consoleauth.choice import Choice
from nova_vnc.consoleauth.directory.nova import NovaInstanceDirectory
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.consoleauth.resources import Resources
from nova_vnc.consoleauth.service import ConsoleAuthService
from nova_vnc.consoleauth.stores.cache import CacheTokenStore
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.db import factory as db_factory
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord
from tests.fixtures.nova_database import create_tables, insert_instances
from tests.fixtures.polling import wait_until

UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
SAID = ('Tokens are in the store {store} ([consoleauth]token_store = auto), VMs in the directory {directory} '
        '(instance_directory = auto): {why}')

Choose = Callable[..., Choice]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def choose(tmp_path: Path, said: list[str]) -> Choose:
    """Return a function that takes the name of a database file, and options."""
    def choose(file: str | None = None, **options: object) -> Choice:
        conf = cfg.ConfigOpts()
        nova_vnc_conf.register_opts(conf)
        conf([], default_config_files=[])
        conf.set_override('state_path', str(tmp_path))
        db_factory.register_opts(conf)
        if file:
            conf.set_override('connection', f'sqlite:///{tmp_path}/{file}', 'database')
        for name, value in options.items():
            conf.set_override(name, value, 'consoleauth' if name in conf.consoleauth else None)
        return Choice(Resources(conf), said.append)
    return choose


@contextlib.contextmanager
def appearing(directory: Path) -> Iterator[Path]:
    """Yield a directory to fill, which is there under its name when it is full: nobody sees a half-made database."""
    being_made = directory.with_name('being-made')
    being_made.mkdir()
    yield being_made
    being_made.rename(directory)


def test_without_a_connection(choose: Choose, said: list[str], tmp_path: Path):
    choice = choose()
    assert not choice.needs_the_database
    drivers = choice.drivers()
    assert (type(drivers.store), type(drivers.directory)) == (DatabaseTokenStore, ReportedInstanceDirectory)
    assert choice.drivers() is drivers
    why = f'the database is {tmp_path}/nova-vnc.sqlite, since [database]connection is not set'
    assert said == [SAID.format(store='database', directory='reported', why=why)]


def test_our_own_database(choose: Choose, said: list[str], tmp_path: Path):
    Database(f'sqlite:///{tmp_path}/ours.sqlite').sync()
    drivers = choose('ours.sqlite').drivers()
    assert (type(drivers.store), type(drivers.directory)) == (DatabaseTokenStore, ReportedInstanceDirectory)
    assert said == [SAID.format(store='database', directory='reported', why='[database]connection = sqlite:///'
                                f'{tmp_path}/ours.sqlite holds our own tables')]


def test_novas_database(choose: Choose, said: list[str], tmp_path: Path):
    create_tables(f'sqlite:///{tmp_path}/nova.sqlite', '34.0.0')
    drivers = choose('nova.sqlite').drivers()
    assert (type(drivers.store), type(drivers.directory)) == (DatabaseTokenStore, NovaInstanceDirectory)
    assert said == [SAID.format(store='database', directory='nova', why='[database]connection = sqlite:///'
                                f"{tmp_path}/nova.sqlite holds Nova's tables")]


def test_instance_name_template(choose: Choose, tmp_path: Path):
    url = f'sqlite:///{tmp_path}/nova.sqlite'
    create_tables(url, '34.0.0')
    insert_instances(url, [InstanceRecord(uuid=UUID, id=12)])
    directory = choose('nova.sqlite', instance_name_template='vm-%d').drivers().directory
    assert directory.get(UUID).instance.name == 'vm-12'


def test_configured(choose: Choose, said: list[str]):
    choice = choose('absent.sqlite', token_store='database', instance_directory='reported')
    assert not choice.needs_the_database
    choice.drivers()
    assert said[0].startswith('Tokens are in the store database ([consoleauth]token_store = database), VMs in the')
    assert said[0].endswith('/absent.sqlite, as [database]connection says')


@pytest.mark.parametrize('options', [{}, {'token_store': 'database', 'instance_directory': 'nova'}])
def test_cell0(choose: Choose, tmp_path: Path, said: list[str], options: dict[str, str]):
    create_tables(f'sqlite:///{tmp_path}/nova_cell0.sqlite', '34.0.0')
    with pytest.raises(exception.ConfigurationError, match=r'\[database\]connection = .* cell0'):
        choose('nova_cell0.sqlite', **options).drivers()
    assert said == []


def test_what_does_not_fit(choose: Choose, tmp_path: Path):
    create_tables(f'sqlite:///{tmp_path}/nova.sqlite', '34.0.0')
    with pytest.raises(exception.ConfigurationError, match='instance_directory = reported needs our tables'):
        choose('nova.sqlite', instance_directory='reported').drivers()
    choice = choose(instance_directory='nova')
    choice.drivers()
    with pytest.raises(exception.ConfigurationError, match="instance_directory = nova needs Nova's tables"):
        choice._database.prepare()


def test_a_driver_that_is_not_there(choose: Choose):
    with pytest.raises(exception.ConfigurationError, match='The driver nothing of'):
        choice_module._load('nova_vnc.token_store', 'nothing')


def test_a_database_that_is_away_at_first_is_waited_for(choose: Choose, tmp_path: Path, said: list[str],
                                                        monkeypatch: pytest.MonkeyPatch):
    """Until then nobody gets an answer that would be another one later."""
    monkeypatch.setattr('nova_vnc.consoleauth.service._PREPARE_INTERVAL_S', 0.01)
    choice = choose('there/nova.sqlite')
    assert choice.needs_the_database
    store, directory = chosen.ChosenTokenStore(choice), chosen.ChosenInstanceDirectory(choice)
    service = ConsoleAuthService(_Nothing(), _Nothing(), store, choice._parts.databases, choice.drivers)
    failures: list[str] = []
    service.start(failures.append)
    try:
        for use in (lambda: store.get('x', 0), lambda: directory.get(UUID), directory.reported,
                    lambda: store.delete_for_instance(UUID), lambda: directory.page(None, None, 1, None)):
            with pytest.raises(exception.StoreUnavailable):
                use()
        assert said == []
        with appearing(tmp_path / 'there') as directory_of_file:
            url = f'sqlite:///{directory_of_file}/nova.sqlite'
            create_tables(url, '34.0.0')
            insert_instances(url, [InstanceRecord(uuid=UUID, host='h1')])
        wait_until(lambda: said, 30, 'the choice to be made')
        assert directory.get(UUID).instance.host == 'h1'
        assert directory.reported() is None
    finally:
        service.stop(threading.Event())
    assert failures == []
    assert len(said) == 1


def test_those_who_wait_for_a_database_share_its_failure(choose: Choose, monkeypatch: pytest.MonkeyPatch):
    """Else each thread of the RPC server waits for the failures of all those before it, seconds each."""
    choice = choose('nova.sqlite')
    choice._making._lock = turns = Turns()
    attempts: list[Database] = []

    def fail(database: Database) -> None:
        attempts.append(database)
        if len(attempts) == 1:
            wait_until(lambda: turns.wanted == 4, 30, 'three others to wait')
        raise exception.StoreUnavailable(reason='it is away')
    monkeypatch.setattr(Database, 'content', fail)
    with ThreadPoolExecutor(4) as pool:
        errors = [future.exception(30) for future in [pool.submit(choice.drivers) for _ in range(4)]]
    assert [str(error) for error in errors] == ['The database is not available: it is away'] * 4
    assert len(attempts) == 1
    with pytest.raises(exception.StoreUnavailable):     # who comes later asks anew
        choice.drivers()
    assert len(attempts) == 2


class Turns:
    """A lock that counts who has wanted it."""

    def __init__(self) -> None:
        self.wanted = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.wanted += 1
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def test_a_service_ends_with_what_it_finds(choose: Choose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('nova_vnc.consoleauth.service._PREPARE_INTERVAL_S', 0.01)
    choice = choose('there/nova_cell0.sqlite')
    store = chosen.ChosenTokenStore(choice)
    service = ConsoleAuthService(_Nothing(), _Nothing(), store, choice._parts.databases, choice.drivers)
    failures: list[str] = []
    service.start(failures.append)
    try:
        with appearing(tmp_path / 'there') as directory:
            create_tables(f'sqlite:///{directory}/nova_cell0.sqlite', '34.0.0')
        wait_until(lambda: failures, 30, 'the service to end')
        with pytest.raises(exception.StoreUnavailable):
            store.get('x', 0)
    finally:
        service.stop(threading.Event())
    assert 'cell0' in failures[0]


class _Nothing:
    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **more: None


def test_cache_is_chosen_where_it_is_enabled(choose: Choose, said: list[str]):
    choice = choose()
    oslo_cache.configure(choice._parts.conf)
    choice._parts.conf.set_override('enabled', True, 'cache')
    choice._parts.conf.set_override('backend', 'oslo_cache.dict', 'cache')
    assert isinstance(choice.drivers().store, CacheTokenStore)
    assert said[0].startswith('Tokens are in the store cache ([consoleauth]token_store = auto)')
