# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-api beside the nova-api of Nova 34: the same Keystone, the same compute services, the same answers.

The table in doc/source/reference/parity.rst is what came of it. NOVA_VNC_WRITE_DOCS=1 writes it anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from nova_vnc import objects
from nova_vnc.compute import manager as compute_manager
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.rpc import compute, consoleauth
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.server import BackgroundServer
from tests.fixtures.bus import new_conf
from tests.fixtures.fail import unexpected
from tests.fixtures.hypervisor import FakeHypervisor
from tests.fixtures.nova_cell import NovaCell
from tests.fixtures.nova_release import nova_34
from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.keystone import parity
from tests.integration.keystone.cloud import (
    MEMBER,
    OTHER,
    OTHER_PROJECT,
    PASSWORD,
    PROJECT,
    READER,
    SYSTEM_ADMIN,
    KeystoneCloud,
)

PAGE = Path(__file__).parents[3] / 'doc/source/reference/parity.rst'
BASE_URL = 'http://127.0.0.1:6080/vnc_auto.html'
USER_ID = 'e0e0e0e0e0e04e0e8e0e0e0e0e0e0e0e'
HEAD = """\
===================
Parity with Nova 34
===================

What the nova-api of Nova 34.0.0 and nova-vnc-api answered to the same requests, with the same Keystone and the same
compute services. Where the last column says "equal", status and body were the same but for addresses, the token in a
console's URL, and the order of a list. A test asks both and makes this table.

One more difference cannot be seen with compute services that are these: a nova-compute of Nova's hands out a console of
a stopped server where libvirt tells the port -1, and nova-vnc-compute answers 409.

.. list-table::
   :header-rows: 1
   :widths: 46 8 8 6 6 26

   * - Request
     - Version
     - Who
     - Nova
     - Here
     - Bodies"""
# Instead of 60 s.
NOVA_PATIENCE_S = 8

STATES = {      # uuid: (vm_state, task_state, VNC port)
    parity.RUNNING: ('active', None, '5901'), parity.MIGRATING: ('active', 'migrating', '5902'),
    parity.DELETING: ('active', 'deleting', '5903'), parity.STOPPED: ('stopped', None, ''),
    parity.SILENT: ('active', None, None), parity.FOREIGN: ('active', None, '5904')}


@dataclasses.dataclass
class Apis:
    """:ivar tokens: by the name of who asks"""

    nova_url: str
    our_url: str
    tokens: Mapping[str, str]
    nova_console_token: str
    our_console_token: str
    project_id: str

    def ask_both(self, question: parity.Question) -> tuple[requests.Response, requests.Response]:
        def ask(url: str, console_token: str) -> requests.Response:
            path = question.path.replace('TOKEN', console_token).replace('PROJECT', self.project_id)
            return parity.ask(url, dataclasses.replace(question, path=path), self.tokens.get(question.who or ''))
        return ask(self.nova_url, self.nova_console_token), ask(self.our_url, self.our_console_token)


def records(cloud: KeystoneCloud, hosts: Mapping[bool, str]) -> list[objects.InstanceRecord]:
    projects = {is_foreign: cloud.keystone.project_id(OTHER_PROJECT if is_foreign else PROJECT)
                for is_foreign in (True, False)}
    return [objects.InstanceRecord(
        uuid=uuid_, name=f'instance-0000000{number}', display_name=parity.NAMES[uuid_].lower(),
        host=hosts[uuid_ == parity.SILENT], project_id=projects[uuid_ == parity.FOREIGN], user_id=USER_ID,
        vm_state=vm_state, task_state=task_state)
        for number, (uuid_, (vm_state, task_state, _)) in enumerate(STATES.items(), 1)]


@pytest.fixture(scope='module')
def servers(rabbitmq: RabbitMQ, cloud: KeystoneCloud) -> Iterator[list[objects.InstanceRecord]]:
    """Servers on a compute host of this process, and one on a host that never answers, all known to our services."""
    opts.set_defaults()
    transport = rpc_transport.build_transport(new_conf(), rabbitmq.url)
    hosts = {silent: f'parity-{uuid.uuid4().hex}' for silent in (True, False)}
    made = records(cloud, hosts)
    hypervisor = FakeHypervisor('192.0.2.7')
    for record in made:
        if STATES[record.uuid][2] is not None:
            hypervisor.add(record, STATES[record.uuid][2])
    serving = BackgroundServer(transport, compute.TOPIC, hosts[False], compute_manager.build_endpoints(
        compute_manager.ComputeManager(hypervisor, BASE_URL)))
    serving.start(unexpected)
    try:
        assert serving.wait_listening(60)
        api = consoleauth.ConsoleAuthAPI(Caller(transport, max_concurrent=8))
        for host in hosts.values():
            api.report_instances(service_context(), host, [record for record in made if record.host == host])
        wait_until(lambda: len(cloud.servers()) == len(made) + 1, 60, 'our services to know the servers')
        yield made
    finally:
        for host in hosts.values():
            api.report_instances(service_context(), host, [])
        serving.stop()
        transport.cleanup()


@pytest.fixture(scope='module')
def nova(rabbitmq: RabbitMQ, cloud: KeystoneCloud, servers: list[objects.InstanceRecord]) -> Iterator[NovaCell]:
    """A cell of Nova 34 that has the same servers, as rows of its database."""
    release = nova_34()
    with contextlib.ExitStack() as stack:
        cell = NovaCell(release, rabbitmq.url)
        stack.callback(cell.close)
        cell.add_options({
            'DEFAULT': {'rpc_response_timeout': NOVA_PATIENCE_S},
            'keystone_authtoken': cloud.conf()['keystone_authtoken']})
        cell.start()
        cell.add_api_database()
        demo = objects.InstanceRecord(cloud.server, name='demo-guest', display_name='demo', host=cloud.host,
                                      project_id=cloud.keystone.project_id(PROJECT), user_id=USER_ID)
        for record in [*servers, demo]:
            cell.call('create_instance', uuid=record.uuid, host=record.host,
                      project_id=record.project_id, user_id=record.user_id, display_name=record.display_name,
                      vm_state=record.vm_state, task_state=record.task_state, hostname=record.display_name)
            cell.call('map_instance', instance_uuid=record.uuid, project_id=record.project_id,
                      user_id=record.user_id)
        yield cell


@pytest.fixture(scope='module')
def apis(cloud: KeystoneCloud, nova: NovaCell) -> Apis:
    tokens = {'member': cloud.token(MEMBER), 'reader': cloud.token(READER),
              'other': cloud.token(OTHER, OTHER_PROJECT), 'admin': cloud.admin_token(),
              'system': cloud.keystone.token(SYSTEM_ADMIN, PASSWORD, system=True)}
    url = f'http://127.0.0.1:{cloud.api_port}'
    given = parity.ask(url, parity.consoles(parity.RUNNING), tokens['member']).json()['remote_console']['url']
    written = nova.call('authorize', ttl_s=600, console_type='novnc', host='192.0.2.7', port=5901,
                        internal_access_path=None, instance_uuid=parity.RUNNING, access_url_base=BASE_URL)
    return Apis(nova.start_api(), url, tokens, written['token'], given[-36:], cloud.keystone.project_id(PROJECT))


def test_the_answers_are_those_of_nova(apis: Apis):
    with ThreadPoolExecutor(4) as pool:
        # What waits longest comes first, and the rest is asked meanwhile.
        order = sorted(parity.QUESTIONS, key=lambda question: parity.SILENT not in question.path)
        asked = {id(question): pool.submit(apis.ask_both, question) for question in order}
        answers = [asked[id(question)].result() for question in parity.QUESTIONS]
    wrong = []
    for question, (novas, ours) in zip(parity.QUESTIONS, answers, strict=True):
        if question.differs is not None:
            if question.differs[:2] != (novas.status_code, ours.status_code):
                wrong.append((question.text, question.version, question.who, novas.status_code, ours.status_code))
        elif parity.comparable(novas) != parity.comparable(ours):
            wrong.append((question.text, question.version, question.who, parity.comparable(novas),
                          parity.comparable(ours)))
    assert not wrong, '\n\n'.join('\n  '.join(map(str, row)) for row in wrong)
    page = table([(question, novas.status_code, ours.status_code)
                  for question, (novas, ours) in zip(parity.QUESTIONS, answers, strict=True)])
    if os.environ.get('NOVA_VNC_WRITE_DOCS'):
        PAGE.write_text(page)
    assert PAGE.read_text() == page, 'run this test with NOVA_VNC_WRITE_DOCS=1'


def table(rows: list[tuple[parity.Question, int, int]]) -> str:
    lines = [HEAD]
    for question, novas, ours in rows:
        cells = (f'``{question.text}``', question.version or 'none', question.who or 'nobody', novas, ours,
                 question.differs[2] if question.differs else 'equal')
        lines += [f'   * - {cells[0]}', *(f'     - {cell}' for cell in cells[1:])]
    return '\n'.join(lines) + '\n'


