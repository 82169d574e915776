# SPDX-License-Identifier: Apache-2.0
"""Prints a console URL for each VM, as a user of the Compute API gets it."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import threading
from typing import Any

from oslo_log import log as logging

from nova_vnc import threads

LOG = logging.getLogger(__name__)

# Until the first VM is there somebody waits for it; after that VMs come now and then.
FIRST_POLL_INTERVAL_S = 0.5
POLL_INTERVAL_S = 5.0
REQUEST_TIMEOUT_S = 30.0
MICROVERSION = 'compute 2.6'
MAX_VMS = 1000


class ConsoleAnnouncer:
    """Asks the API for new VMs until it is stopped, and prints one line for each: `console_url: <URL>`."""

    def __init__(self, host: str, port: int, token: str, fail: threads.Fail) -> None:
        self._host, self._port, self._token = host, port, token
        self._fail = fail
        self._stopped = threading.Event()
        self._announced: set[str] = set()

    def start(self) -> None:
        threads.start('announcer', self._watch, self._fail, self._stopped.is_set)

    def stop(self) -> None:
        self._stopped.set()

    def write_openrc(self, directory: str) -> str:
        """Write a file, readable by this user only, with which `openstack` finds the API; return its path."""
        path = os.path.join(directory, 'openrc')
        api = f'http://{self._host}:{self._port}'
        # `openstack server list` wants a Keystone of version 3. It never asks it anything: a URL that looks like one
        # is enough.
        lines = {'OS_AUTH_TYPE': 'admin_token', 'OS_TOKEN': self._token, 'OS_ENDPOINT': f'{api}/v3',
                 'OS_COMPUTE_ENDPOINT_OVERRIDE': f'{api}/v2.1'}
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
            file.writelines(f'export {name}={shlex.quote(value)}\n' for name, value in lines.items())
        return path

    def _watch(self) -> None:
        said_waiting = False
        while not self._stopped.is_set():
            try:
                self._announce_new()
            except (OSError, http.client.HTTPException, ValueError) as error:
                LOG.debug('The API cannot be asked yet: %s', type(error).__name__)
            if not self._announced and not said_waiting:
                LOG.info('Waiting for a running VM with a VNC console')
                said_waiting = True
            self._stopped.wait(POLL_INTERVAL_S if self._announced else FIRST_POLL_INTERVAL_S)

    def _announce_new(self) -> None:
        # Without any where the API answers with an error, when its database is locked for instance.
        servers = self._request('GET', f'/v2.1/servers?limit={MAX_VMS}').get('servers', [])
        for server in servers:
            if server['id'] in self._announced:
                continue
            body = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
            answer = self._request('POST', f'/v2.1/servers/{server["id"]}/remote-consoles', body)
            if 'remote_console' not in answer:
                continue    # not running, or without VNC; it is asked again
            self._announced.add(server['id'])
            LOG.info('The console of %s (%s) can be opened at the URL printed next', server['name'], server['id'])
            print(f'console_url: {answer["remote_console"]["url"]}', flush=True)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=REQUEST_TIMEOUT_S)
        try:
            connection.request(method, path, json.dumps(body) if body else None, {
                'X-Auth-Token': self._token, 'OpenStack-API-Version': MICROVERSION,
                'Content-Type': 'application/json'})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()
