# SPDX-License-Identifier: Apache-2.0
"""What is asked of both APIs, where they are known to differ, and how their answers are compared."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import requests

RUNNING, MIGRATING, DELETING, STOPPED, SILENT, FOREIGN, UNKNOWN = (
    f'8a2f3f5e-0000-4000-8000-00000000000{number}' for number in range(7))
NAMES = {RUNNING: 'RUNNING', MIGRATING: 'MIGRATING', DELETING: 'DELETING', STOPPED: 'STOPPED', SILENT: 'SILENT',
         FOREIGN: 'FOREIGN', UNKNOWN: 'UNKNOWN'}

_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_ADDRESS = re.compile(r'http://127\.0\.0\.1:\d+')
_TIMEOUT_S = 90


@dataclasses.dataclass(frozen=True)
class Question:
    """
    :ivar path: below /v2.1, where it does not begin with a tilde
    :ivar who: a user of tests.integration.keystone.cloud; None: nobody
    :ivar differs: (Nova's status, ours, why), where the answers are not the same
    """

    method: str
    path: str
    version: str | None = None
    body: Any = None
    who: str | None = 'member'
    content_type: str = 'application/json'
    differs: tuple[int, int, str] | None = None

    @property
    def text(self) -> str:
        """The request without its server, for people."""
        path = self.path.removeprefix('~') if self.path.startswith('~') else f'/v2.1{self.path}'
        for uuid, name in NAMES.items():
            path = path.replace(uuid, name)
        body = '' if self.body is None else ' ' + (self.body if isinstance(self.body, str) else json.dumps(self.body))
        kind = '' if self.content_type == 'application/json' else f' ({self.content_type})'
        return f'{self.method} {path}{body}{kind}'


def consoles(server: str, version: str = '2.6', protocol: Any = 'vnc', kind: Any = 'novnc', **more: Any) -> Question:
    return Question('POST', f'/servers/{server}/remote-consoles', version,
                    {'remote_console': {'protocol': protocol, 'type': kind}}, **more)


def action(server: str, body: Any, version: str | None = None, **more: Any) -> Question:
    return Question('POST', f'/servers/{server}/action', version, body, **more)


NOVNC = {'os-getVNCConsole': {'type': 'novnc'}}
LEAVING = 'A server that is about to leave its host has no console; Nova does not expect that here'
NOT_EXPECTED = 'Nova does not expect that its compute service says so here'
AWAY = 'A compute host does not answer. Nova waits for it for [DEFAULT]rpc_response_timeout, 60 s'
NEWEST = '2.46 is the newest microversion here'
ANOTHER = 'Both values are wrong, and another one of them is named'
DIGITS = 'The text: nine digits are the most here'
MORE = 'Nova lists servers too that it then shows with another status, such as MIGRATING'
METHOD = 'The URL is there, the method is not'
URL = 'Errors are JSON here, and plain text in Nova'

QUESTIONS = [
    # Consoles from 2.6 on
    *(consoles(RUNNING, version) for version in ('2.6', '2.8', '2.46')),
    consoles(RUNNING, '2.5'),
    consoles(RUNNING, '2.1'),
    consoles(RUNNING, who='admin'),
    consoles(RUNNING, who='reader'),
    consoles(RUNNING, who='other'),
    consoles(RUNNING, who='system'),
    consoles(RUNNING, who=None),
    consoles(FOREIGN),
    consoles(FOREIGN, who='admin'),
    consoles(UNKNOWN),
    consoles('no-uuid'),
    consoles(STOPPED),
    consoles(MIGRATING, differs=(500, 409, LEAVING)),
    consoles(DELETING, differs=(500, 409, LEAVING)),
    consoles(SILENT, differs=(500, 503, AWAY)),
    consoles(RUNNING, kind='xvpvnc'),
    consoles(RUNNING, protocol='rdp', kind='rdp-html5'),
    consoles(RUNNING, protocol='x'),
    consoles(RUNNING, kind='x'),
    consoles(RUNNING, kind=1),
    consoles(RUNNING, kind=None),
    consoles(RUNNING, protocol='mks', kind='webmks', differs=(400, 400, ANOTHER)),
    *(Question('POST', f'/servers/{RUNNING}/remote-consoles', '2.6', body) for body in (
        None, {}, [], 'no json', {'remote_console': {}}, {'remote_console': None},
        {'remote_console': {'type': 'novnc'}},
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc', 'more': 1}},
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}, 'more': 1})),
    Question('POST', f'/servers/{RUNNING}/remote-consoles', '2.6', '<xml/>', content_type='text/xml'),
    # Consoles up to 2.5
    *(action(RUNNING, NOVNC, version) for version in (None, '2.1', '2.5', '2.6')),
    action(RUNNING, NOVNC, who='reader'),
    action(RUNNING, NOVNC, who='other'),
    action(RUNNING, NOVNC, who='admin'),
    action(RUNNING, NOVNC, who=None),
    action(UNKNOWN, NOVNC),
    action(STOPPED, NOVNC),
    action(MIGRATING, NOVNC),
    action(DELETING, NOVNC),
    action(SILENT, NOVNC, differs=(500, 503, AWAY)),
    action(RUNNING, {'os-getVNCConsole': {'type': 'xvpvnc'}}, differs=(500, 400, NOT_EXPECTED)),
    action(RUNNING, {'os-getVNCConsole': {'type': 'x'}}),
    action(RUNNING, {'os-getVNCConsole': {}}),
    action(RUNNING, {'os-getVNCConsole': {'type': 'novnc', 'more': 1}}),
    action(RUNNING, {**NOVNC, 'more': 1}),
    action(RUNNING, {'no-such': None}),
    action(RUNNING, {}),
    action(RUNNING, 'no json'),
    action(RUNNING, {'os-getRDPConsole': {'type': 'rdp-html5'}}),
    # Tokens
    Question('GET', '/os-console-auth-tokens/TOKEN', '2.31', who='admin'),
    Question('GET', f'/os-console-auth-tokens/{UNKNOWN}', '2.31', who='admin'),
    Question('GET', f'/os-console-auth-tokens/{UNKNOWN}', '2.31'),
    Question('GET', f'/os-console-auth-tokens/{UNKNOWN}', '2.30', who='admin'),
    # Servers
    Question('GET', '/servers'),
    Question('GET', '/servers', who='reader'),
    Question('GET', '/servers', who='other'),
    Question('GET', '/servers', who='admin'),
    Question('GET', '/servers', who='system'),
    Question('GET', '/servers', who=None),
    Question('GET', '/servers?all_tenants=1'),
    Question('GET', '/servers?all_tenants=1', who='admin'),
    Question('GET', '/servers/detail?all_tenants=1'),
    Question('GET', '/servers?all_tenants=maybe', who='admin'),
    Question('GET', '/servers?name=running'),
    Question('GET', '/servers?name=nosuch'),
    Question('GET', '/servers?host=nosuch'),
    Question('GET', '/servers?host=nosuch', who='admin'),
    Question('GET', '/servers?limit=0'),
    Question('GET', '/servers?limit=x', differs=(400, 400, DIGITS)),
    Question('GET', '/servers?limit=-1', differs=(400, 400, DIGITS)),
    Question('GET', f'/servers?marker={UNKNOWN}'),
    Question('GET', '/servers?marker=x'),
    Question('GET', '/servers?status=active', differs=(200, 200, MORE)),
    Question('GET', '/servers?status=shutoff'),
    Question('GET', '/servers?status=nonsense'),
    Question('GET', '/servers?status=nonsense', '2.38'),
    Question('GET', '/servers?status=deleted'),
    Question('GET', '/servers?deleted=1', who='admin'),
    Question('GET', '/servers?tags=x', '2.26'),
    Question('GET', f'/servers/{FOREIGN}'),
    Question('GET', f'/servers/{UNKNOWN}'),
    # All URLs
    Question('GET', '/PROJECT/servers'),
    Question('GET', '/0123/servers'),
    Question('GET', '/servers', '2.999', differs=(406, 406, NEWEST)),
    Question('GET', '/servers', 'garbage'),
    Question('GET', '/servers', '2.47', differs=(200, 406, NEWEST)),
    Question('GET', '/nosuch', differs=(404, 404, URL)),
    Question('GET', '/nosuch', who=None),
    Question('PUT', '/servers', differs=(404, 405, METHOD)),
]


def ask(url: str, question: Question, token: str | None) -> requests.Response:
    headers = {'Content-Type': question.content_type} if question.body is not None else {}
    if token is not None:
        headers['X-Auth-Token'] = token
    if question.version is not None:
        headers['OpenStack-API-Version'] = f'compute {question.version}'
    data = question.body if question.body is None or isinstance(question.body, str) else json.dumps(question.body)
    return requests.request(question.method, f'{url}/v2.1{question.path}', headers=headers, data=data,
                            timeout=_TIMEOUT_S)


def comparable(answer: requests.Response) -> tuple[int, Any]:
    """Return status and body without what differs between any two answers: addresses, and the token in a URL."""
    text = _ADDRESS.sub('http://HOST', answer.text)
    text = re.sub(r'(token%3D)' + _UUID.pattern, r'\1TOKEN', text)
    try:
        body = json.loads(text)
    except ValueError:
        return answer.status_code, text
    if isinstance(body, dict) and isinstance(body.get('servers'), list):
        # Lists are in the order of ids here, and in that of creation in Nova.
        body['servers'].sort(key=lambda server: server['id'])
    return answer.status_code, body
