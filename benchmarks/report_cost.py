# SPDX-License-Identifier: Apache-2.0
"""What the reports of many compute hosts cost one nova-consoleauth, and what a page of a list costs. See README.rst."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oslo_messaging
import sqlalchemy as sa
from oslo_config import cfg

from benchmarks.process_tree import ProcessTree
from nova_vnc import objects
from nova_vnc.conf import opts
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.context import service_context
from nova_vnc.db import models
from nova_vnc.db.engine import Database
from nova_vnc.rpc import consoleauth, serializer, transport
from tests.fixtures.database_server import SERVERS, open_database
from tests.fixtures.polling import wait_until
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ

_INTERVAL_S = 60.0              # between two reports of a host
_PAGE = 25                      # and VMs of a project
_WARM_UP = 50                   # reports that count for nobody
_LISTS = 300
_TIMEOUT_S = 60

Records = dict[str, list[objects.InstanceRecord]]       # by host


def main() -> None:
    arguments = _parse_arguments()
    records = build_records(arguments.hosts, arguments.vms)
    with contextlib.ExitStack() as parts:
        print('starting the database, RabbitMQ and nova-consoleauth', file=sys.stderr)
        server = parts.enter_context(SERVERS[arguments.database]())
        url = parts.enter_context(server.new_url())
        database = parts.enter_context(contextlib.closing(open_database(url)))
        database.sync()
        database.write(lambda connection: fill(connection, records))
        broker = parts.enter_context(RabbitMQ())
        service = parts.enter_context(_consoleauth(broker.url, url, arguments.backend))
        _print_lists(database)
        _print_reports(service, database, _sender(broker.url), records, arguments)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, default=1000)
    parser.add_argument('--vms', type=int, default=50, help='of each host')
    parser.add_argument('--seconds', type=float, default=60, help='for which reports are sent')
    parser.add_argument('--changing', type=float, default=5, help='percentage of reports in which a VM has changed')
    parser.add_argument('--backend', choices=['eventlet', 'threading'], default='eventlet')
    parser.add_argument('--database', choices=[*SERVERS], default='mariadb')
    return parser.parse_args()


def build_records(hosts: int, vms: int) -> Records:
    projects = max(1, hosts * vms // _PAGE)

    def record(host: str, number: int) -> objects.InstanceRecord:
        # A project's VMs are spread over the hosts.
        return objects.InstanceRecord(
            uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))), id=number, name=f'instance-{number:08x}',
            display_name=f'server-{number}', host=host, project_id=f'{number % projects:032x}',
            user_id=f'{number % 100:032x}')
    return {host: [record(host, first + number) for number in range(vms)]
            for host, first in ((f'compute-{number:04d}', number * vms) for number in range(hosts))}


def fill(connection: sa.Connection, records: Records) -> None:
    """Let the database know what the first reports would tell it."""
    every = [record for of_host in records.values() for record in of_host]
    now = time.time()
    connection.execute(models.reported_hosts.insert(), [
        {'host': host, 'report_number': 1, 'last_report_at': now, 'silent_since': 0} for host in records])
    connection.execute(models.reported_instances.insert(), [
        {'instance_id': record.id, 'report_number': 1, 'claimed_at': now,
         **{name: getattr(record, name) for name in ('uuid', 'host', 'name', 'display_name', 'project_id', 'user_id',
                                                     'vm_state', 'task_state')}} for record in every])
    connection.execute(models.instance_holders.insert(), [
        {'uuid': record.uuid, 'host': record.host, 'display_name': record.display_name,
         'project_id': record.project_id, 'user_id': record.user_id, 'known_project_id': record.project_id,
         'known_user_id': record.user_id} for record in every])
    connection.execute(models.instance_homes.insert(), [
        {'uuid': record.uuid, 'host': record.host, 'seniority': 1} for record in every])


@contextlib.contextmanager
def _consoleauth(broker_url: str, database_url: str, backend: str) -> Iterator[Service]:
    with tempfile.TemporaryDirectory() as directory, Service('nova-consoleauth', {
            'DEFAULT': {'concurrency_backend': backend, 'transport_url': broker_url, 'host': 'benchmark'},
            'database': {'connection': database_url}}, Path(directory)) as service:
        service.wait_for_line('Tokens are in the store', _TIMEOUT_S)
        yield service


def _sender(broker_url: str) -> Callable[[str, list[objects.InstanceRecord]], None]:
    """Return what sends a report as nova-vnc-compute does."""
    opts.set_defaults()
    cfg.CONF([], default_config_files=[])
    bus = transport.build_transport(cfg.CONF, broker_url)
    client = oslo_messaging.get_rpc_client(
        bus, oslo_messaging.Target(topic=consoleauth.TOPIC, namespace=consoleauth.NAMESPACE,
                                   version=consoleauth.NAMESPACE_VERSION), serializer=serializer.ContextSerializer())
    numbers = itertools.count(int(time.time() * 1000))

    def send(host: str, records: list[objects.InstanceRecord]) -> None:
        client.cast(service_context(), 'report_instances', host=host, report_number=next(numbers),
                    total=len(records), instances=[record.to_dict() for record in records])
    return send


def _print_lists(database: Database) -> None:
    directory = ReportedInstanceDirectory(database, 180)
    everything = directory.page(None, None, _PAGE, None)
    project, one = everything[0].instance.project_id, everything[0].instance.uuid
    page_s = _median_s(lambda: directory.page(project, None, _PAGE, None))
    get_s = _median_s(lambda: directory.get(one))
    found = len(directory.page(project, None, _PAGE, None))
    count = database.read(lambda connection: connection.scalar(
        sa.select(sa.func.count()).select_from(models.instance_holders)))
    print(f"a project's page, {found} of {count} VMs: {page_s * 1e3:.2f} ms, {page_s / get_s:.1f} x one VM")


def _median_s(action: Callable[[], Any]) -> float:
    def measure() -> float:
        began = time.perf_counter()
        action()
        return time.perf_counter() - began
    return statistics.median(measure() for _ in range(_LISTS))


def _print_reports(service: Service, database: Database, send: Callable[..., None], records: Records,
                   arguments: argparse.Namespace) -> None:
    hosts = itertools.cycle(records)
    for _ in range(_WARM_UP):
        host = next(hosts)
        send(host, records[host])
    _wait_until_handled(database, _WARM_UP)
    tree = ProcessTree([service.pid])
    before, began = tree.cpu_s(), time.monotonic()
    count = round(arguments.seconds * arguments.hosts / _INTERVAL_S)
    print(f'sending {count} reports', file=sys.stderr)
    for number in range(count):
        time.sleep(max(0.0, began + number * _INTERVAL_S / arguments.hosts - time.monotonic()))
        host = next(hosts)
        if number * arguments.changing // 100 != (number + 1) * arguments.changing // 100:
            changed = records[host][number % arguments.vms]
            records[host][number % arguments.vms] = dataclasses.replace(
                changed, vm_state='stopped' if changed.vm_state == 'active' else 'active')
        send(host, records[host])
    _wait_until_handled(database, min(len(records), _WARM_UP + count))
    took_s, cpu_s = time.monotonic() - began, tree.cpu_s() - before
    print(f'{arguments.hosts} hosts of {arguments.vms} VMs, reporting every {_INTERVAL_S:.0f} s, {arguments.database}, '
          f'{arguments.backend}: {cpu_s / count * 1e3:.1f} ms of CPU for a report, '
          f'{100 * cpu_s / took_s:.1f}% of a core')


def _wait_until_handled(database: Database, hosts: int) -> None:
    """Wait until the reports of so many hosts have been stored."""
    statement = sa.select(sa.func.count()).select_from(models.reported_hosts).where(
        models.reported_hosts.c.report_number > 1)
    wait_until(lambda: database.read(lambda connection: connection.scalar(statement)) >= hosts, _TIMEOUT_S,
               f'the reports of {hosts} hosts')


if __name__ == '__main__':
    main()
