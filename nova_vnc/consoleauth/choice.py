# SPDX-License-Identifier: Apache-2.0
"""Which token store and instance directory this process uses, and what `auto` means.

`auto` asks the database of [api_database]connection which cells are mapped there, and without that option, or where it
maps none, that of [database]connection what it holds. Either may be away when the process starts, and a guess
would put tokens where nobody looks for them: so it is asked until it answers, and nobody is served meanwhile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import oslo_cache
import stevedore

from nova_vnc import exception
from nova_vnc.consoleauth import cell0, open_cells
from nova_vnc.consoleauth.directory.base import InstanceDirectory
from nova_vnc.consoleauth.directory.cells import CellsInstanceDirectory
from nova_vnc.consoleauth.resources import Resources
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.consoleauth.stores.cells import CellsTokenStore
from nova_vnc.db.schema import Content
from nova_vnc.db.shared_failure import SharedFailure

STORES = 'nova_vnc.token_store'
DIRECTORIES = 'nova_vnc.instance_directory'
_AUTO = 'auto'
_NOVA = 'nova'
_DATABASE = 'database'


@dataclasses.dataclass(frozen=True)
class Drivers:
    store: TokenStore
    directory: InstanceDirectory


class Choice:
    """Made once, when it is first asked for and can be made; thread-safe.

    :param say: takes the line that names the choice and why
    """

    def __init__(self, parts: Resources, say: Callable[[str], None] = lambda text: None) -> None:
        self._parts = parts
        self._say = say
        self._drivers: Drivers | None = None
        self._making = SharedFailure()
        self._cells = open_cells.cells_of(parts) if self._may_be_cells() else None
        self._database = parts.database() if self._cells is None else None

    @property
    def needs_the_database(self) -> bool:
        """Whether it cannot be made before a database answers."""
        return self._cells is not None or self._asks_the_database

    @property
    def _asks_the_database(self) -> bool:
        options = self._parts.conf.consoleauth
        return bool(self._parts.conf.database.connection) and (
            _AUTO in (options.token_store, options.instance_directory) or options.instance_directory == _NOVA)

    def drivers(self) -> Drivers:
        """:raises StoreUnavailable: what they depend on is not known yet
        :raises ConfigurationError: the options cannot be used, or not with this database
        """
        with self._making.turn():
            if self._drivers is None:
                self._drivers = self._make_over_cells() or self._make()
            return self._drivers

    @property
    def is_local(self) -> bool:
        """Whether no server has to be waited for to make it."""
        return self._cells is None or self._cells.is_local

    def _may_be_cells(self) -> bool:
        """Tell whether the options leave it to the API database: either of the two names one database otherwise."""
        options = self._parts.conf.consoleauth
        return bool(self._parts.conf.api_database.connection) and options.instance_directory == _AUTO \
            and options.token_store == _AUTO

    def _make_over_cells(self) -> Drivers | None:
        """Return None where no cells are mapped."""
        if self._cells is None:
            return None
        count = self._cells.prepare()
        if not count:
            return None
        self._say(f'Tokens are in the store {_DATABASE} ([consoleauth]token_store = auto), VMs in the directory '
                  f'{_NOVA} (instance_directory = auto), of each cell: [api_database]connection = {self._cells.name} '
                  f'maps {count} cells beside cell0')
        return Drivers(CellsTokenStore(self._cells), CellsInstanceDirectory(self._cells))

    def _make(self) -> Drivers:
        options = self._parts.conf.consoleauth
        store, directory, why = self._what_auto_means()
        if options.token_store != _AUTO:
            store = options.token_store
        if options.instance_directory != _AUTO:
            directory = options.instance_directory
        drivers = Drivers(_load(STORES, store).build(self._parts), _load(DIRECTORIES, directory).build(self._parts))
        self._say(f'Tokens are in the store {store} ([consoleauth]token_store = {options.token_store}), VMs in the '
                  f'directory {directory} (instance_directory = {options.instance_directory}): {why}')
        return drivers

    def _what_auto_means(self) -> tuple[str, str, str]:
        """Return the names of store and directory, and why."""
        conf = self._parts.conf
        database = self._parts.database()
        name = database.name
        if not conf.database.connection:
            why = f'the database is {name}, since [database]connection is not set'
        elif not self._asks_the_database:
            return '', '', f'the database is {name}, as [database]connection says'
        elif database.content() is Content.NOVA:
            cell0.refuse(database)
            return _DATABASE, _NOVA, f"[database]connection = {name} holds Nova's tables"
        else:
            why = f'[database]connection = {name} holds our own tables'
        oslo_cache.configure(conf)
        if conf.cache.enabled:
            return 'cache', 'reported', f'[cache]enabled is set, and {why}'
        return _DATABASE, 'reported', why


def _load(namespace: str, name: str) -> Any:
    """Return the class of a driver."""
    try:
        return stevedore.DriverManager(namespace, name).driver
    except (stevedore.exception.NoMatches, ImportError) as error:
        raise exception.ConfigurationError(reason=f'The driver {name} of {namespace} cannot be loaded: {error}') \
            from None
