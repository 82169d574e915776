# SPDX-License-Identifier: Apache-2.0
"""The proxies that are compared, each in processes of its own, and as an ordinary user."""

from __future__ import annotations

import contextlib
import sys
import uuid
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

from benchmarks import native, unprivileged
from benchmarks.native import Endpoint, VncServer
from benchmarks.process_tree import ProcessTree
from tests.fixtures.certificates import Certificate, CertificateAuthority
from tests.fixtures.ports import free_port, is_listening
from tests.fixtures.process import ExternalProcess, format_conf
from tests.fixtures.programs import find_program

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60


class Peer:
    """A proxy before a VNC server. Entering starts it; its end leaves nothing behind.

    :ivar name: what results call it
    :ivar endpoint: where sessions are opened
    :ivar tree: the processes that are measured
    :ivar max_sessions: which are tried
    :ivar stack: these with all services behind them, where such are measured too
    """

    name = ''
    endpoint: Endpoint
    tree: ProcessTree
    stack: ProcessTree | None = None
    max_sessions = 1 << 20

    def __init__(self) -> None:
        self._parts = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._parts.close()

    def start(self) -> None:
        raise NotImplementedError

    def _directory(self) -> Path:
        return self._parts.enter_context(unprivileged.directory())

    def _paths(self, directory: Path, *paths: str) -> Path:
        file = directory / 'paths'
        file.write_text('\n'.join(paths))
        return file

    def _launch(self, arguments: list[str], directory: Path, port: int, name: str = '') -> ExternalProcess:
        """Start a program of this peer, and wait until it listens."""
        process = self._parts.enter_context(ExternalProcess(
            unprivileged.command(arguments), directory, name=name or Path(arguments[0]).name,
            environment={'PYTHONPATH': str(ROOT), 'PYTHONWARNINGS': 'ignore'}))
        process.wait_until(lambda: is_listening(port), START_TIMEOUT_S, f'listens on {port}')
        return process


def _max_sessions() -> int:
    """Return how many sessions a process can have, with two connections each."""
    return (native.allow_many_files() - 700) // 2


class Direct(Peer):
    """No proxy at all: what generator and VNC server can do by themselves."""

    name = 'direct'

    def __init__(self, server: VncServer, tls: bool = False) -> None:
        super().__init__()
        self._port = server.ports['tls' if tls else 'plain']
        self._tls = tls

    def start(self) -> None:
        self.endpoint = Endpoint(self._port, tls=self._tls)
        self.tree = ProcessTree([])


class HAProxy(Peer):
    """HAProxy as a relay of TCP, in one thread; it knows nothing of WebSocket, RFB or tokens.

    :param certificate: ends TLS with it
    :param target_mode: tls: it speaks TLS to the VNC server too
    """

    name = 'haproxy'

    def __init__(self, server: VncServer, certificate: Certificate | None = None, target_mode: str = 'plain') -> None:
        super().__init__()
        self._target = server.ports[target_mode]
        self._target_options = 'ssl verify none' if target_mode == 'tls' else ''
        self._certificate = certificate

    def start(self) -> None:
        directory = self._directory()
        port = free_port()
        tls = ''
        if self._certificate is not None:
            (directory / 'cert.pem').write_bytes(self._certificate.both.read_bytes())
            tls = f'ssl crt {directory}/cert.pem'
        (directory / 'haproxy.cfg').write_text(
            f'global\n    nbthread 1\n    maxconn {_max_sessions()}\n    maxpipes 100\n'
            'defaults\n    mode tcp\n    option splice-auto\n    timeout connect 5s\n    timeout client 1h\n'
            '    timeout server 1h\n'
            f'listen console\n    bind 127.0.0.1:{port} {tls}\n    maxconn {_max_sessions()}\n'
            f'    server vnc 127.0.0.1:{self._target} {self._target_options}\n')
        program = find_program('haproxy', package='haproxy')
        process = self._launch([program, '-db', '-f', str(directory / 'haproxy.cfg')], directory, port)
        self.endpoint = Endpoint(port, tls=bool(tls))
        self.tree = ProcessTree([process.pid])


class Lighttpd(Peer):
    """lighttpd with mod_wstunnel."""

    name = 'lighttpd'

    def __init__(self, server: VncServer) -> None:
        super().__init__()
        self._target = server.ports['plain']

    def start(self) -> None:
        directory = self._directory()
        port = free_port()
        (directory / 'lighttpd.conf').write_text(
            'server.modules = ("mod_wstunnel")\n'
            f'server.bind = "127.0.0.1"\nserver.port = {port}\nserver.document-root = "{directory}"\n'
            f'server.max-fds = {2 * _max_sessions() + 50}\nserver.max-connections = {_max_sessions()}\n'
            'wstunnel.frame-type = "binary"\n'
            f'wstunnel.server = ("/" => (("host" => "127.0.0.1", "port" => {self._target})))\n')
        program = find_program('lighttpd', package='lighttpd')
        process = self._launch([program, '-D', '-f', str(directory / 'lighttpd.conf')], directory, port)
        self.endpoint = Endpoint(port, self._paths(directory, '/'))
        self.tree = ProcessTree([process.pid])


class Websockify(Peer):
    """websockify's own command: a process for each connection."""

    name = 'websockify'
    max_sessions = 100          # some MiB each

    def __init__(self, server: VncServer, certificate: Certificate | None = None) -> None:
        super().__init__()
        self._target = server.ports['plain']
        self._certificate = certificate

    def start(self) -> None:
        directory = self._directory()
        port = free_port()
        tls = []
        if self._certificate is not None:
            (directory / 'cert.pem').write_bytes(self._certificate.both.read_bytes())
            tls = [f'--cert={directory}/cert.pem']
        process = self._launch([sys.executable, '-m', 'websockify', *tls, f'127.0.0.1:{port}',
                                f'127.0.0.1:{self._target}'], directory, port, 'websockify')
        self.endpoint = Endpoint(port, self._paths(directory, '/'), bool(tls))
        self.tree = ProcessTree([process.pid])


class BareEngine(Peer):
    """Our relay engine alone; what is added before it costs set-up and memory, but nothing in the relay."""

    def __init__(self, server: VncServer, backend: str) -> None:
        super().__init__()
        self.name = f'engine {backend}'
        self._target = server.ports['plain']
        self._backend = backend

    def start(self) -> None:
        directory = self._directory()
        port = free_port()
        process = self._launch([sys.executable, '-m', 'benchmarks.bare_engine', self._backend, str(port),
                                str(self._target)], directory, port, 'engine')
        self.endpoint = Endpoint(port, self._paths(directory, '/'))
        self.tree = ProcessTree([process.pid])


class NovncProxy(Peer):
    """Our nova-novncproxy, as its command starts it.

    A stand-in answers for nova-consoleauth; neither that nor the broker is measured.

    :param broker: URL of a virtual host of its own
    :param certificate: ends TLS with it
    :param authority: the VNC server is spoken to over VeNCrypt, and has to show a certificate of this one
    :param options: of [novncproxy]
    """

    def __init__(self, server: VncServer, backend: str, broker: str, certificate: Certificate | None = None,
                 authority: CertificateAuthority | None = None, **options: Any) -> None:
        super().__init__()
        self.name = ' '.join(['nova-vnc', backend, *(f'{name} {value}' for name, value in options.items())])
        self._server = server
        self._backend = backend
        self._certificate = certificate
        self._authority = authority
        self._options = options
        self._broker = broker

    def start(self) -> None:
        directory = self._directory()
        port = free_port()
        target = self._server.ports['vencrypt' if self._authority else 'plain']
        page_url = f'{"https" if self._certificate else "http"}://127.0.0.1:{port}/vnc_auto.html'
        consoleauth = self._parts.enter_context(ExternalProcess(
            unprivileged.command([sys.executable, '-m', 'benchmarks.consoleauth_standin', self._broker, str(target),
                                  page_url]), directory, name='consoleauth', environment={'PYTHONPATH': str(ROOT)}))
        consoleauth.wait_for_line('listening', START_TIMEOUT_S)
        tls: dict[str, Any] = {}
        vencrypt: dict[str, Any] = {}
        if self._certificate is not None:
            (directory / 'cert.pem').write_bytes(self._certificate.both.read_bytes())
            tls = {'ssl_only': True, 'cert': directory / 'cert.pem'}
        if self._authority is not None:
            (directory / 'ca.pem').write_bytes(self._authority.ca.read_bytes())
            vencrypt = {'auth_schemes': 'vencrypt', 'vencrypt_ca_certs': directory / 'ca.pem'}
        (directory / 'nova.conf').write_text(format_conf({
            'DEFAULT': {'concurrency_backend': self._backend, 'transport_url': self._broker, **tls},
            'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': port, **vencrypt},
            'novncproxy': {'drain_timeout': 0, **self._options}}))
        script = Path(sys.executable).with_name('nova-novncproxy')
        proxy = self._launch([str(script), '--config-file', str(directory / 'nova.conf')], directory, port)
        self.endpoint = Endpoint(port, self._paths(directory, *(f'/?token={uuid.uuid4()}' for _ in range(1000))),
                                 bool(tls))
        self.tree = ProcessTree([proxy.pid])
        self._proxy = proxy

    def sessions_of_workers(self) -> list[int]:
        """Return how many sessions each worker has; the whole service, where it has none."""
        workers = self._proxy.children() or [psutil.Process(self._proxy.pid)]
        return [sum(connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == self.endpoint.port
                    for connection in worker.net_connections('tcp')) for worker in workers]

    def broker_connections(self) -> int:
        """Return how many connections all of its processes have to the broker."""
        return len(self._proxy.connections(remote_port=urlsplit(self._broker).port))
