# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-api under somebody else's WSGI server: `nova_vnc.cmd.api_wsgi:application`.

It runs on the threads of that server and is never patched with eventlet. The files are /etc/nova/nova.conf, or what the
variables of Nova's own WSGI modules name: OS_NOVA_CONFIG_FILES (separated by semicolons, in OS_NOVA_CONFIG_DIR).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.api import factory
from nova_vnc.cmd import common
from nova_vnc.conf import refusal
from nova_vnc.rpc import transport

LOG = logging.getLogger(__name__)

DEFAULT_DIR = '/etc/nova'
DEFAULT_FILES = 'nova.conf'

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_lock = threading.Lock()
_built: WSGIApplication | None = None


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request; with the first one the application is made.

    Not earlier, since servers such as uWSGI import this module and then fork: threads and connections to the broker
    must begin in the process that uses them.
    """
    return _application()(environ, start_response)


def config_files(environ: Mapping[str, str]) -> list[str]:
    directory = environ.get('OS_NOVA_CONFIG_DIR', DEFAULT_DIR).strip()
    names = environ.get('OS_NOVA_CONFIG_FILES') or DEFAULT_FILES
    return [os.path.join(directory, name.strip()) for name in names.split(';') if name.strip()]


def _application() -> WSGIApplication:
    global _built
    with _lock:
        if _built is None:
            _built = _build()
        return _built


def _build() -> WSGIApplication:
    try:
        conf = common.configure([], default_config_files=config_files(os.environ))
        with refusal.naming_options(conf):
            return factory.build_app(conf, factory.build_caller(conf, transport.build_transport(conf)))
    except exception.ConfigurationError as error:
        # The reason stays between this process and its log.
        LOG.critical('%s', error)
        return _refuse


def _refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = json.dumps({'computeFault': {'code': 500, 'message': 'The server is misconfigured; its log says how.'}})
    start_response('500 Internal Server Error', [('Content-Type', 'application/json')])
    return [body.encode()]
