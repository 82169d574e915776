# SPDX-License-Identifier: Apache-2.0
"""From options to a Database."""

from __future__ import annotations

import os
from typing import Any

from oslo_config import cfg
from oslo_db import options as oslo_db_options
from sqlalchemy import engine as sa_engine
from sqlalchemy import exc as sa_exc

from nova_vnc import exception
from nova_vnc.db.engine import Database

_CONNECTION = '[database]connection'
_API_CONNECTION = '[api_database]connection'

FILE_NAME = 'nova-vnc.sqlite'

# Options of [database] under the names that create_engine takes them by.
_ENGINE_OPTIONS = ('mysql_sql_mode', 'mysql_wsrep_sync_wait', 'connection_recycle_time', 'connection_debug',
                   'connection_trace', 'connection_parameters', 'max_pool_size', 'max_overflow', 'pool_timeout')

# What a URL without a driver means, and the extra of this project that brings it. Both let green threads go on.
_DRIVERS = {'mysql': ('pymysql', 'PyMySQL'), 'postgresql': ('psycopg2', 'psycopg2')}

# A request has 8 s in all, so a server that does not answer is given up before. Both are arguments of the driver.
_TIMEOUTS_S = {'mysql+pymysql': {'connect_timeout': '3', 'read_timeout': '5', 'write_timeout': '5'},
               'postgresql+psycopg2': {'connect_timeout': '3'},
               'postgresql+psycopg': {'connect_timeout': '3'}}

# MySQL's names of a UTF-8 that has up to three bytes for a character; files of devstack, for example, ask for it.
_FEWER_CHARACTERS = ('utf8', 'utf8mb3')


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(oslo_db_options.database_opts, group='database')


def build_database(conf: cfg.ConfigOpts, url: str | None = None, option: str = _CONNECTION) -> Database:
    """Make the database of [database]connection, or the one of our own where the option is unset; not connected yet.

    :param url: of another one, which is used with the other options of [database]
    :param option: where the URL stands, for messages
    :raises ConfigurationError: the option is no URL of a database, or its driver is not installed
    """
    register_opts(conf)
    if not (url or conf.database.connection):
        return Database(own_file=os.path.join(os.path.abspath(conf.state_path), FILE_NAME))
    return Database(complete_url(url or conf.database.connection, option), options=_engine_options(conf.database),
                    option=option)


def build_api_database(conf: cfg.ConfigOpts) -> Database:
    """Make the database of [api_database]connection, with the options of that group; not connected yet.

    :raises ConfigurationError: the option is no URL of a database, or its driver is not installed
    """
    register_opts(conf)     # [database], for the databases of the cells
    group = conf.api_database
    return Database(complete_url(group.connection, _API_CONNECTION), options=_engine_options(group),
                    option=_API_CONNECTION, is_api=True)


def _engine_options(group: cfg.ConfigOpts.GroupAttr) -> dict[str, Any]:
    return {name: group[name] for name in _ENGINE_OPTIONS if name in group}


def complete_url(text: str, option: str = _CONNECTION) -> str:
    """Return the URL with driver, deadlines and character set, where it has none of its own."""
    try:
        url = sa_engine.make_url(text)
        if url.drivername in _DRIVERS:
            url = url.set(drivername=f'{url.drivername}+{_DRIVERS[url.drivername][0]}')
        url.get_dialect().import_dbapi()
    except (sa_exc.ArgumentError, ValueError):      # the latter is a port's, and holds what stands in its place
        raise exception.ConfigurationError(
            reason=f'{option} is not a URL such as mysql+pymysql://user:password@host/nova_vnc') from None
    except sa_exc.NoSuchModuleError as error:
        raise exception.ConfigurationError(reason=f'{option}: {error}') from None
    except ImportError as error:
        raise exception.ConfigurationError(
            reason=f'{option} = {url.drivername}://... needs a Python library that is not installed '
                   f'({error}){_extra_of(url.get_backend_name())}') from None
    defaults = dict(_TIMEOUTS_S.get(url.drivername, {}))
    if url.get_backend_name() == 'mysql':
        defaults['charset'] = 'utf8mb4'     # display names hold any character; MySQL's utf8 does not
        if url.query.get('charset') in _FEWER_CHARACTERS:   # and cuts a text off where it has any other
            url = url.difference_update_query(['charset'])
    missing = {key: value for key, value in defaults.items() if key not in url.query}
    return url.update_query_dict(missing).render_as_string(hide_password=False)


def _extra_of(backend: str) -> str:
    return f'; pip install nova-vnc[{backend}] brings {_DRIVERS[backend][1]}' if backend in _DRIVERS else ''
