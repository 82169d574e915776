# SPDX-License-Identifier: Apache-2.0
"""Which token store and instance directory this process uses, and what `auto` means.

`auto` asks the database of [database]connection what it holds. It may be away when the process starts, and a guess
would put tokens where nobody looks for them: so it is asked until it answers, and nobody is served meanwhile.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import oslo_cache
import stevedore

from nova_vnc import exception
from nova_vnc.consoleauth import cell0
from nova_vnc.consoleauth.directory.base import InstanceDirectory
from nova_vnc.consoleauth.resources import Resources
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.db.schema import Content

STORES = 'nova_vnc.token_store'
DIRECTORIES = 'nova_vnc.instance_directory'
_AUTO = 'auto'
_NOVA = 'nova'


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
        self._lock = threading.Lock()
        self._database = parts.database()

    @property
    def needs_the_database(self) -> bool:
        """Whether it cannot be made before the database answers."""
        options = self._parts.conf.consoleauth
        return bool(self._parts.conf.database.connection) and (
            _AUTO in (options.token_store, options.instance_directory) or options.instance_directory == _NOVA)

    def drivers(self) -> Drivers:
        """:raises StoreUnavailable: what they depend on is not known yet
        :raises ConfigurationError: the options cannot be used, or not with this database
        """
        with self._lock:
            if self._drivers is None:
                self._drivers = self._make()
            return self._drivers

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
        name = self._database.name
        if not conf.database.connection:
            why = f'the database is {name}, since [database]connection is not set'
        elif not self.needs_the_database:
            return '', '', f'the database is {name}, as [database]connection says'
        elif self._database.content() is Content.NOVA:
            cell0.refuse(self._database)
            return 'database', _NOVA, f"[database]connection = {name} holds Nova's tables"
        else:
            why = f'[database]connection = {name} holds our own tables'
        oslo_cache.configure(conf)
        if conf.cache.enabled:
            return 'cache', 'reported', f'[cache]enabled is set, and {why}'
        return 'database', 'reported', why


def _load(namespace: str, name: str) -> Any:
    """Return the class of a driver."""
    try:
        return stevedore.DriverManager(namespace, name).driver
    except (stevedore.exception.NoMatches, ImportError) as error:
        raise exception.ConfigurationError(reason=f'The driver {name} of {namespace} cannot be loaded: {error}') \
            from None
