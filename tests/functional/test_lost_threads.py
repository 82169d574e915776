# SPDX-License-Identifier: Apache-2.0
"""What a service does when one of its threads ends: see the table of doc/source/contributor/architecture.rst.

Each part is a real one with real threads. The defect comes in where the part takes something from outside; it is a
BaseException where an Exception would be caught, and the part go on.
"""

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest

from nova_vnc.api import server as api_server
from nova_vnc.cmd import console_announcer
from nova_vnc.compute import service as compute_service
from nova_vnc.compute.reporter import Reporter
from nova_vnc.compute.virt.demo.driver import DemoDriver
from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.server import DemoServer
from nova_vnc.compute.virt.libvirt.driver import LibvirtDriver
from nova_vnc.consoleauth.service import ConsoleAuthService
from nova_vnc.db.databases import Databases
from nova_vnc.novncproxy import recording
from nova_vnc.novncproxy import server as proxy_server
from nova_vnc.novncproxy.floods import FloodLog
from nova_vnc.novncproxy.pending import Limits, PendingConnections
from nova_vnc.novncproxy.recording import Recorder
from nova_vnc.rpc import server as rpc_server
from nova_vnc.rpc import transport
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.bus import in_process_bus
from tests.fixtures.polling import wait_until

TIMEOUT_S = 30
SITE = types.SimpleNamespace(header_timeout_s=TIMEOUT_S)


class Defect(BaseException):
    """What no `except Exception` stops."""


def broken(*args: object, **kwargs: object) -> Any:
    raise Defect('injected')


class Process:
    """Stands for the process: takes note of why it would end."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def fail(self, reason: str) -> None:
        self.reasons.append(reason)

    def assert_ended_for_want_of(self, name: str) -> None:
        wait_until(lambda: self.reasons, TIMEOUT_S, 'a reason to end')
        assert f'The thread {name}, ' in self.reasons[0]


@pytest.fixture
def process() -> Process:
    return Process()


def test_accept(process: Process) -> None:
    server = proxy_server.Server(SITE, types.SimpleNamespace(add=broken))
    listener = proxy_server.listen('127.0.0.1', 0)
    address = listener.getsockname()
    server.start(listener, process.fail)
    with socket.create_connection(address):
        process.assert_ended_for_want_of('accept')
    server.stop()


def test_api(process: Process) -> None:
    def application(environ: object, start_response: object) -> Any:
        raise SystemExit('injected')    # what cheroot's workers do not survive

    server = api_server.ApiServer(application, '127.0.0.1', 0, 4, lambda: None)
    server.start(process.fail)
    with socket.create_connection(('127.0.0.1', server.port)) as client:
        client.sendall(b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
        process.assert_ended_for_want_of('api')


def test_rpc_server(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_server, 'build_server', broken)
    rpc_server.BackgroundServer(None, 'compute', 'host', []).start(process.fail)
    process.assert_ended_for_want_of('rpc-server-compute')


def test_token_purge(process: Process) -> None:
    service = ConsoleAuthService(types.SimpleNamespace(start=lambda fail: None), None,
                                 types.SimpleNamespace(purge=broken), Databases())
    service.start(process.fail)
    process.assert_ended_for_want_of('token-purge')


def test_reporter(process: Process) -> None:
    Reporter(broken, None, 'host', 60).start(process.fail)
    process.assert_ended_for_want_of('reporter')


def test_queue_watch(process: Process) -> None:
    driver = types.SimpleNamespace(start=lambda on_change, fail: None)
    compute_service.ComputeService(
        'host', driver, types.SimpleNamespace(report_soon=None), [], None,
        types.SimpleNamespace(count_consumers=broken)).start(process.fail)
    process.assert_ended_for_want_of('queue-watch')


def test_libvirt_connection(process: Process) -> None:
    LibvirtDriver('test:///default', '127.0.0.1', broken, lambda fail: None).start(lambda: None, process.fail)
    process.assert_ended_for_want_of('libvirt-connection')


LIBVIRT_EVENTS = """
import sys
from nova_vnc import concurrency
concurrency.patch(sys.argv[1], [])
import libvirt
from nova_vnc import service
from nova_vnc.compute.virt.libvirt import connection
from tests.unit import small_services


def broken():
    raise RuntimeError('injected')


class Service(small_services.Good):
    def start(self, fail):
        super().start(fail)
        connection.start_event_loop(fail)
        libvirt.virEventRunDefaultImpl = broken
        libvirt.virEventAddTimeout(0, lambda *_: None, None)     # ends the round that goes on


service.end_process(service.serve(Service()))
"""


def run_process(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, '-c', code, concurrency_backend()], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})


def assert_ends_for_want_of(started: subprocess.Popen[str], name: str) -> None:
    output, _ = started.communicate(timeout=TIMEOUT_S)
    assert f'The thread {name}, ' in output
    assert started.returncode == 1


@pytest.mark.libvirt
def test_libvirt_events() -> None:
    assert_ends_for_want_of(run_process(LIBVIRT_EVENTS), 'libvirt-events')


def test_demo_clock(process: Process) -> None:
    driver = DemoDriver('host', clock=broken)
    driver.start(lambda: None, process.fail)
    process.assert_ended_for_want_of('demo-clock')
    driver.stop()


def test_recordings(process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(str(tmp_path / 'session'))
    recorder.start(process.fail)
    monkeypatch.setattr(recording.concurrency, 'run_native', broken)
    recorder.open('1')
    process.assert_ended_for_want_of('recordings')


def test_demo_accept(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    server = DemoServer(Screen('a test'), b'guest')
    monkeypatch.setattr(server, '_welcome', broken)
    server.start(process.fail)
    assert server.address is not None
    with socket.create_connection(server.address):
        process.assert_ended_for_want_of('demo-accept')


def test_announcer(process: Process) -> None:
    class Strange(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            body = b'{"servers": [{}]}'
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Strange) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            console_announcer.ConsoleAnnouncer('127.0.0.1', server.server_port, 'token', process.fail).start()
            process.assert_ended_for_want_of('announcer')
        finally:
            server.shutdown()


SIGNALS = """
import sys
from nova_vnc import concurrency
concurrency.patch(sys.argv[1], [])
from nova_vnc import service
from tests.unit import small_services


def broken(*args):
    raise SystemExit('injected')


if sys.argv[2:] == ['signals']:
    service.SignalWaiter._take = broken
service.end_process(service.serve(small_services.Good(), actions={10: broken}))
"""


@pytest.mark.parametrize('name', ['signals', 'signal-actions'])
def test_signals(name: str) -> None:
    started = run_process(SIGNALS.replace('sys.argv[2:]', repr([name])))
    assert started.stdout is not None
    assert started.stdout.readline() == 'serving\n'
    started.send_signal(signal.SIGUSR1)
    assert_ends_for_want_of(started, name)


LIBRARY = """
import ctypes, gc, sys, threading, time
from nova_vnc import concurrency
concurrency.patch(sys.argv[1], [])
from nova_vnc import service
from nova_vnc.rpc import server
from tests.fixtures import bus
from tests.unit import small_services


def end(thread):
    if not concurrency.is_patched():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        return
    import greenlet
    from eventlet import hubs
    found = next(o for o in gc.get_objects() if isinstance(o, greenlet.greenlet) and id(o) == thread.ident)
    hubs.get_hub().schedule_call_global(0, found.throw, SystemExit)


class Service(small_services.Good):
    def start(self, fail):
        super().start(fail)
        self._bus = bus.in_process_bus().__enter__
        rpc = server.BackgroundServer(self._bus().transport, 'topic', 'host', [])
        rpc.start(fail)
        assert rpc.wait_listening(30)
        end(next(thread for thread in threading.enumerate() if '(_runner)' in thread.name))


service.end_process(service.serve(Service()))
"""


def test_a_thread_of_oslo_messaging() -> None:
    output, _ = (started := run_process(LIBRARY)).communicate(timeout=TIMEOUT_S)
    assert '(_runner), without which the service cannot work' in output
    assert started.returncode == 1


def test_a_connection_of_a_client_s_is_its_own_affair(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    """A defect in serving one costs that one."""
    pending = PendingConnections(Limits(10, 0, 0, 0), FloodLog().note)
    server = proxy_server.Server(SITE, pending)     # too little of a site: the handler fails
    listener = proxy_server.listen('127.0.0.1', 0)
    address = listener.getsockname()
    server.start(listener, process.fail)
    for _ in range(2):
        with socket.create_connection(address, TIMEOUT_S) as client:
            client.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
            assert client.recv(1) == b''
    server.stop()
    assert process.reasons == []
    assert caplog.text.count('serving the connection failed') == 2


def test_an_early_connection_to_the_broker_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It only tries early: who sends something connects by itself."""
    tried = threading.Event()

    def end(*args: object) -> None:
        tried.set()
        raise SystemExit

    with in_process_bus() as bus:
        with monkeypatch.context() as patched:
            patched.setattr(transport.oslo_messaging, 'get_rpc_client', end)
            transport.connect_in_background(bus.transport)
            assert tried.wait(TIMEOUT_S)
        client = oslo_messaging.get_rpc_client(bus.transport, oslo_messaging.Target(topic='topic'), timeout=TIMEOUT_S)
        with bus.serving('topic', []), pytest.raises(oslo_messaging.UnsupportedVersion):
            client.call({}, 'nosuch')
