# SPDX-License-Identifier: Apache-2.0
"""What nova-vnc-manage does, and how that is said on its command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from oslo_config import cfg

from nova_vnc import exception, objects
from nova_vnc.db import factory, instances
from nova_vnc.db.engine import Database


def run(conf: cfg.ConfigOpts) -> None:
    """Do what the command line says, and print what came of it.

    :raises ConfigurationError, StoreUnavailable, InvalidInput: it cannot be done
    """
    database = factory.build_database(conf)
    try:
        conf.command.run(database, conf.command)
    finally:
        database.close()


def sync(database: Database, _arguments: cfg.ConfigOpts.SubCommandAttr) -> None:
    database.sync()
    print(f'The tables of {database.name} are up to date.')


def set_owner(database: Database, arguments: cfg.ConfigOpts.SubCommandAttr) -> None:
    uuid = _check_uuid(arguments.uuid)
    database.write(lambda connection: instances.set_owner(connection, uuid, arguments.project, arguments.user))
    found = database.read(lambda connection: instances.find(connection, uuid))
    if found is None:
        print(f'Instance {uuid} will belong to project {arguments.project} once a compute host reports it.')
    else:
        print(f'Instance {uuid} belongs to project {arguments.project}.')


def unset_owner(database: Database, arguments: cfg.ConfigOpts.SubCommandAttr) -> None:
    uuid = _check_uuid(arguments.uuid)
    was_set = database.write(lambda connection: instances.unset_owner(connection, uuid))
    print(f'Instance {uuid} has no owner set here any more.' if was_set else f'Instance {uuid} had no owner set here.')


def _check_uuid(text: str) -> str:
    uuid = objects.normalize_uuid(text)
    if uuid is None:
        raise exception.InvalidInput(reason=f'{text!r} is not a UUID')
    return uuid


def register_cli_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_cli_opt(cfg.SubCommandOpt(
        'command', title='Commands', handler=_add_commands,
        help='What to do; "COMMAND --help" says more. Options such as --config-file stand before it'))


def _add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    db = commands.add_parser('db', help='the database: sync').add_subparsers(required=True, metavar='ACTION')
    _add(db, 'sync', sync, 'Create the tables in [database]connection, or bring them up to date. A SQLite file in '
                           '[DEFAULT]state_path needs no sync.')
    instance = commands.add_parser('instance', help='VMs: set-owner, unset-owner') \
        .add_subparsers(required=True, metavar='ACTION')
    owner = _add(instance, 'set-owner', set_owner,
                 'Say whose a VM is, whatever its hypervisor says. One that Nova did not create has no owner, and only '
                 'administrators see it, until then.')
    owner.add_argument('uuid', metavar='UUID', help='of the VM')
    owner.add_argument('--project', required=True, metavar='ID', help='project to which it belongs')
    owner.add_argument('--user', metavar='ID', help='user to whom it belongs')
    _add(instance, 'unset-owner', unset_owner, 'Undo set-owner.').add_argument('uuid', metavar='UUID', help='of the VM')


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str,
         run: Callable[[Database, cfg.ConfigOpts.SubCommandAttr], None], help_text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(run=run)
    return parser
