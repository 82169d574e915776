# SPDX-License-Identifier: Apache-2.0
"""The four services of nova-vnc-standalone, and what it says of the consoles they offer."""

from __future__ import annotations

import dataclasses
import logging as stdlib_logging
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable

from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc import exception, service
from nova_vnc.api import access_log, auth
from nova_vnc.api import factory as api_factory
from nova_vnc.cmd import console_announcer
from nova_vnc.compute import factory as compute_factory
from nova_vnc.conf import refusal
from nova_vnc.consoleauth import factory as consoleauth_factory
from nova_vnc.novncproxy import factory as novncproxy_factory
from nova_vnc.rpc import transport

LOG = logging.getLogger(__name__)

LOOPBACK = '127.0.0.1'
# A newcomer reads, tries and comes back; a link that has expired meanwhile would be his first impression.
TOKEN_TTL_S = 24 * 60 * 60


@dataclasses.dataclass(frozen=True)
class Choices:
    """What the user asked for on the command line."""

    port: int
    libvirt_uri: str | None = None
    web: str | None = None
    state_path: str | None = None


def build_service(conf: cfg.ConfigOpts, choices: Choices) -> Standalone:
    """:raises ConfigurationError: the services cannot start with these options"""
    made_dir = None if choices.state_path else tempfile.mkdtemp(prefix='nova-vnc-')
    state_path = choices.state_path or made_dir
    _override(conf, choices, str(state_path))
    return Standalone(conf, str(state_path), made_dir)


def _override(conf: cfg.ConfigOpts, choices: Choices, state_path: str) -> None:
    try:
        os.makedirs(state_path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise exception.ConfigurationError(reason=f'--state-path {state_path}: {error.strerror}') from None
    conf.set_override('state_path', state_path)
    conf.set_override('novncproxy_host', LOOPBACK, 'vnc')
    conf.set_override('novncproxy_port', choices.port, 'vnc')
    conf.set_override('osapi_compute_listen', LOOPBACK)
    conf.set_override('osapi_compute_listen_port', 0)
    conf.set_override('compute_driver', 'libvirt.LibvirtDriver' if choices.libvirt_uri else 'demo')
    conf.set_override('target_networks', ['127.0.0.0/8', '::1/128'], 'novncproxy')
    conf.set_default('token_ttl', TOKEN_TTL_S, 'consoleauth')
    if choices.libvirt_uri:
        conf.set_override('connection_uri', choices.libvirt_uri, 'libvirt')
    if choices.web:
        conf.set_override('web', choices.web)


class Standalone:
    """The four services as one."""

    def __init__(self, conf: cfg.ConfigOpts, state_path: str, made_dir: str | None) -> None:
        self._conf = conf
        self._state_path = state_path
        self._made_dir = made_dir
        self._transport = transport.build_transport(conf, transport.IN_PROCESS_URL)
        self._api_token = secrets.token_urlsafe(24)
        self._running: list[service.Service] = []
        self._announcer: console_announcer.ConsoleAnnouncer | None = None

    def start(self, fail: Callable[[str], None]) -> None:
        """Start them in the order in which they need each other.

        :raises ConfigurationError: one of them cannot start; those that run already are stopped
        """
        try:
            with refusal.naming_options(self._conf):
                self._start_all(fail)
        except exception.ConfigurationError:
            self.stop(_set_event())
            raise

    def _start_all(self, fail: Callable[[str], None]) -> None:
        self._start(consoleauth_factory.build_service(self._conf, self._transport), fail)
        proxy = novncproxy_factory.build_service(self._conf, self._transport)
        self._start(proxy, fail)
        self._conf.set_override('novncproxy_base_url', f'http://{LOOPBACK}:{proxy.port}/vnc_auto.html', 'vnc')
        self._start(compute_factory.build_service(self._conf, self._transport), fail)
        api = api_factory.build_service(
            self._conf, self._transport, auth.FixedToken(self._api_token, hosts=[LOOPBACK, 'localhost']))
        self._start(api, fail)
        self._announcer = console_announcer.ConsoleAnnouncer(LOOPBACK, api.port, self._api_token, fail)

    def _start(self, built: service.Service, fail: Callable[[str], None]) -> None:
        built.start(fail)
        self._running.append(built)

    def announce_consoles(self) -> None:
        """Print the URLs, once the ports listen, and write down how to reach the API."""
        if self._announcer is not None:
            openrc = self._announcer.write_openrc(self._state_path)
            LOG.info('The Compute API of this process can be used by: . %s; openstack console url show --novnc NAME',
                     openrc)
            # Its own questions would fill the log.
            if not self._conf.debug:
                stdlib_logging.getLogger(access_log.__name__).setLevel(stdlib_logging.WARNING)
            self._announcer.start()

    def stop(self, hurry: threading.Event) -> None:
        if self._announcer is not None:
            self._announcer.stop()
        for running in reversed(self._running):
            running.stop(hurry)
        if self._made_dir:
            shutil.rmtree(self._made_dir, ignore_errors=True)


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event
