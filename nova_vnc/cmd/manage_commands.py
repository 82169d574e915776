# SPDX-License-Identifier: Apache-2.0
"""What nova-vnc-manage does, and how that is said on its command line."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import time
from collections.abc import Callable

from oslo_config import cfg

from nova_vnc import exception, objects
from nova_vnc.consoleauth.choice import Choice
from nova_vnc.consoleauth.directory.base import HostState, ReportedDirectory
from nova_vnc.consoleauth.resources import Resources

_MAX_LENGTH = 255       # of the columns


@dataclasses.dataclass(frozen=True)
class Task:
    """What a command works with."""

    parts: Resources
    arguments: cfg.ConfigOpts.SubCommandAttr

    @property
    def directory(self) -> ReportedDirectory:
        """:raises ConfigurationError, StoreUnavailable, InvalidInput: there is none that believes the operator"""
        found = Choice(self.parts).drivers().directory.reported()
        if found is None:
            raise exception.InvalidInput(
                reason="the instance directory is Nova's own, which knows owners and hosts by itself: use the commands "
                       'of Nova ([consoleauth]instance_directory)')
        return found


def run(conf: cfg.ConfigOpts) -> None:
    """Do what the command line says, and print what came of it.

    :raises ConfigurationError, StoreUnavailable, InvalidInput: it cannot be done
    """
    parts = Resources(conf)
    try:
        conf.command.run(Task(parts, conf.command))
    finally:
        parts.close()


def sync(task: Task) -> None:
    database = task.parts.database()
    database.sync()
    print(f'The tables of {database.name} are up to date.')


def set_owner(task: Task) -> None:
    arguments = task.arguments
    uuid = _check_uuid(arguments.uuid)
    for name in (arguments.project, arguments.user):
        _check_name(name)
    is_there = task.directory.set_owner(uuid, arguments.project, arguments.user)
    belongs = 'belongs' if is_there else 'will belong'
    print(f'Instance {uuid} {belongs} to project {arguments.project}'
          f'{"" if is_there else " once a compute host reports it"}.')


def unset_owner(task: Task) -> None:
    uuid = _check_uuid(task.arguments.uuid)
    was_set = task.directory.unset_owner(uuid)
    print(f'Instance {uuid} has no owner set here any more.' if was_set else f'Instance {uuid} had no owner set here.')


def set_host(task: Task) -> None:
    uuid, host = _check_uuid(task.arguments.uuid), task.arguments.compute_host
    task.directory.set_host(uuid, host)
    print(f'Instance {uuid} is on host {host}.')


def list_hosts(task: Task) -> None:
    hosts = task.directory.hosts()
    if task.arguments.json:
        print(json.dumps([dataclasses.asdict(host) for host in hosts], indent=2))
        return
    now = time.time()
    rows = [('HOST', 'LAST REPORT', 'AGE', 'VMS', 'STATE'), *(
        (host.host, datetime.datetime.fromtimestamp(host.last_report_at, datetime.UTC).strftime('%Y-%m-%d %H:%M:%SZ'),
         f'{max(now - host.last_report_at, 0):.0f}s', str(host.instances), _state(host)) for host in hosts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print('  '.join(map(str.ljust, row, widths)).rstrip())


def _state(host: HostState) -> str:
    return 'unknown' if host.is_unknown else 'silent' if host.is_silent else 'up'


def forget_host(task: Task) -> None:
    host = task.arguments.compute_host
    _check_name(host)
    count = task.directory.forget_host(host)
    print(f'Host {host} and what it said of {count} VMs are forgotten. If it reports again, it is listed again.')


def _check_uuid(text: str) -> str:
    uuid = objects.normalize_uuid(text)
    if uuid is None:
        raise exception.InvalidInput(reason=f'{text!r} is not a UUID')
    return uuid


def _check_name(text: str | None) -> None:
    if text is not None and not (0 < len(text) <= _MAX_LENGTH and text.isprintable()):
        raise exception.InvalidInput(reason=f'{text[:_MAX_LENGTH]!a} is no printable text of 1 to {_MAX_LENGTH} '
                                            'characters')


def register_cli_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_cli_opt(cfg.SubCommandOpt(
        'command', title='Commands', handler=_add_commands,
        help='What to do; "COMMAND --help" says more. Options such as --config-file stand before it'))


def _add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    db = commands.add_parser('db', help='the database: sync').add_subparsers(required=True, metavar='ACTION')
    _add(db, 'sync', sync, 'Create the tables in [database]connection, or bring them up to date. A SQLite file in '
                           '[DEFAULT]state_path needs no sync.')
    instance = commands.add_parser('instance', help='VMs: set-owner, unset-owner, set-host') \
        .add_subparsers(required=True, metavar='ACTION')
    owner = _add(instance, 'set-owner', set_owner,
                 'Say whose a VM is, whatever its hypervisor says. One that Nova did not create has no owner, and only '
                 'administrators see it, until then.')
    owner.add_argument('uuid', metavar='UUID', help='of the VM')
    owner.add_argument('--project', required=True, metavar='ID', help='project to which it belongs')
    owner.add_argument('--user', metavar='ID', help='user to whom it belongs')
    _add(instance, 'unset-owner', unset_owner, 'Undo set-owner.').add_argument('uuid', metavar='UUID', help='of the VM')
    home = _add(instance, 'set-host', set_host,
                'Say on which host a VM is, of those that report it. What others say does not count until they have '
                'stopped saying so.')
    home.add_argument('uuid', metavar='UUID', help='of the VM')
    home.add_argument('compute_host', metavar='HOST', help='[DEFAULT]host of its compute service')
    host = commands.add_parser('host', help='compute hosts: list, forget').add_subparsers(
        required=True, metavar='ACTION')
    _add(host, 'list', list_hosts, 'List the compute hosts that have reported, and how many VMs each of them holds.') \
        .add_argument('--json', action='store_true', help='as JSON, with times in unix seconds')
    _add(host, 'forget', forget_host,
         'Forget a compute host that was taken out of service, and the VMs that it reported. Those that another host '
         'reports as well are on that one then.').add_argument('compute_host', metavar='HOST', help='as in "host list"')


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str,
         run: Callable[[Task], None], help_text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(run=run)
    return parser
