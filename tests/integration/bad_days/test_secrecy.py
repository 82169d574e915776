# SPDX-License-Identifier: Apache-2.0
"""Nothing that anybody writes down holds a token, whatever happens to the token and however loud the logs are."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import oslo_messaging
import pytest
import requests
import websocket

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from nova_vnc.conf.opts import CONTROL_EXCHANGE
from nova_vnc.context import service_context
from nova_vnc.rpc import consoleauth, serializer, transport
from tests.fixtures.bus import new_conf
from tests.fixtures.cloud import ADMIN_TOKEN, Cloud
from tests.fixtures.console_client import open_console, read_refusal, token_of, url_with_token
from tests.fixtures.rabbitmq import RabbitMQ
from tests.fixtures.standalone import Standalone
from tests.integration.bad_days.outage import NOT_VALID, assert_no_traceback, lines_with

TIMEOUT_S = 20
# Not even the loggers that are kept quiet by default.
ALL_LOGGERS = 'amqp=DEBUG,kombu=DEBUG,oslo_messaging=DEBUG,oslo.messaging=DEBUG,sqlalchemy=DEBUG,websockify=DEBUG'
# So few characters of it tell it from anything else, and are found where a line was cut off.
TELLING_CHARACTERS = 14


def traces_of(token: str, text: str) -> list[str]:
    """Return the lines in which a token, or a good part of it, is to be seen in any spelling."""
    parts = [spelling[cut] for spelling in (token, token.replace('-', ''), token.replace('-', '%2d'))
             for cut in (slice(TELLING_CHARACTERS), slice(-TELLING_CHARACTERS, None))]
    return [line for line in text.splitlines() if any(part in line.lower() for part in parts)]


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ) -> Iterator[Cloud]:
    with Cloud(rabbitmq.url, options={'DEFAULT': {'default_log_levels': ALL_LOGGERS}}) as cloud:
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
        yield cloud


def test_no_token_is_written_down(cloud: Cloud, rabbitmq: RabbitMQ):
    url, expired_url = (cloud.console_url(demo_instance_uuid(cloud.host)) for _ in range(2))
    token = token_of(url)
    assert traces_of(token, url)
    assert traces_of(token, quote(url.upper()))
    with open_console(url) as session:
        session.see_typed('hello')
        send_to_proxy(cloud, url)
        send_to_api(cloud, token)
        send_to_consoleauth(rabbitmq, token)
        assert not traces_of(token, state_of(cloud.directory))
    let_it_expire(cloud.directory / 'nova-vnc.sqlite', token_of(expired_url))
    assert read_refusal(expired_url).reason.startswith(NOT_VALID)
    assert cloud.request('GET', f'/os-console-auth-tokens/{token_of(expired_url)}',
                         microversion='2.31').status_code == 404
    cloud.compute.kill()
    read_refusal(url)
    cloud.consoleauth.terminate()
    for seen in (token, token_of(expired_url)):
        assert not traces_of(seen, cloud.output())
        assert not traces_of(seen, state_of(cloud.directory))
    assert lines_with(' DEBUG ', cloud.consoleauth)
    assert_no_traceback([cloud.novncproxy, cloud.api])


def send_to_proxy(cloud: Cloud, url: str) -> None:
    """Send a token in all the ways in which it can be mistyped, misplaced and misused."""
    token = token_of(url)
    for malformed in (token + 'x', token[:-1], token.upper(), f'{token}%00', f'%20{token}', f'{{{token}}}', token * 9,
                      f'{token}&token={token[::-1]}'):
        assert read_refusal(url_with_token(url, quote(quote(malformed)))).reason.startswith(NOT_VALID)
    base = f'http://127.0.0.1:{cloud.proxy_port}'
    for path in (f'/?token={token}', f'/websockify?token={token}', f'/vnc_auto.html?token={token}',
                 f'/vnc.html?path=%3Ftoken%3D{token}', f'/vnc_auto.html%3Ftoken%3D{token}', f'/{token}',
                 f'/token/{token}', f'//token={token}', f'/vnc_auto.html;token={token}', f'/x/../{token}'):
        for method in ('GET', 'HEAD', 'POST'):
            requests.request(method, base + path, allow_redirects=False, timeout=TIMEOUT_S,
                             headers={'Referer': f'{base}/?token={token}', 'Cookie': f'token={token}',
                                      'User-Agent': token})
    for line in (f'GET /?token={token}', f'GET /?token={token} HTTP/9.9', f'{token} / HTTP/1.1', token,
                 f'GET /?token={token} HTTP/1.1 {token}', f'GET {base}/?token={token} HTTP/1.1',
                 f'GET /?token={token} HTTP/1.1\r\n{token}', f'GET /?token={token}&{"a" * 10000} HTTP/1.1',
                 f'GET /?token={token} HTTP/1.1\r\nCookie: {"a" * 100000}'):
        send_raw(cloud.proxy_port, line + '\r\n\r\n')
    for headers in ({'origin': 'http://attacker.example'}, {'origin': f'https://127.0.0.1:{cloud.proxy_port}'},
                    {'suppress_origin': True, 'cookie': f'token={token}'}, {'origin': base, 'cookie': f'token={token}'},
                    {'origin': f'{base}/?token={token}'}, {'origin': base, 'subprotocols': [token]}):
        with contextlib.suppress(websocket.WebSocketException):
            websocket.create_connection(f'ws://127.0.0.1:{cloud.proxy_port}/websockify?token={token}x',
                                        timeout=TIMEOUT_S, **headers).close()


def send_raw(port: int, request: str) -> None:
    with socket.create_connection(('127.0.0.1', port), timeout=TIMEOUT_S) as sock, contextlib.suppress(OSError):
        sock.sendall(request.encode())
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 16):
            pass


def send_to_api(cloud: Cloud, token: str) -> None:
    assert cloud.request('GET', f'/os-console-auth-tokens/{token}', microversion='2.31').ok
    for path in (f'/os-console-auth-tokens/{token.upper()}', f'/os-console-auth-tokens/{token}x',
                 f'/os-console-auth-tokens/{token}/more', f'/os-console-auth-tokens/{token}?query={token}',
                 f'/os-console-auth-tokens/%20{token}%0a', f'/OS-Console-Auth-Tokens/{token}',
                 f'/admin/os-console-auth-tokens/{token}'):
        for method, identity, microversion in (
                ('GET', ADMIN_TOKEN, '2.31'), ('GET', ADMIN_TOKEN, '2.1'), ('GET', ADMIN_TOKEN, '2.999'),
                ('GET', 'somebody:else', '2.31'), ('DELETE', ADMIN_TOKEN, '2.31')):
            cloud.request(method, path, token=identity, microversion=microversion)
    send_raw(cloud.api_port, f'GET /v2.1/os-console-auth-tokens/{token}\r\n\r\n')
    send_raw(cloud.api_port, f'GET /v2.1/os-console-auth-tokens/{token} HTTP/1.1\r\n{token}\r\n\r\n')


def send_to_consoleauth(broker: RabbitMQ, token: str) -> None:
    """Call what can be called on the bus, with arguments that fit and with others."""
    conf = new_conf()
    conf.set_override('control_exchange', CONTROL_EXCHANGE)
    bus = transport.build_transport(conf, broker.url)
    good = {'token': token, 'console_type': 'novnc', 'host': '127.0.0.1', 'port': '1', 'internal_access_path': None,
            'instance_uuid': demo_instance_uuid('elsewhere'), 'access_url': f'http://127.0.0.1/?token={token}'}
    for method, arguments in (
            ('authorize_console', good), ('authorize_console', good | {'token': [token]}),
            ('authorize_console', good | {'token': token * 20}), ('authorize_console', good | {'port': token}),
            ('authorize_console', good | {'host': token * 10}), ('authorize_console', good | {'access_url': [token]}),
            ('authorize_console', {'token': token}), ('authorize_console', good | {'unknown': token}),
            ('check_token', {'token': token}), ('check_token', {'token': {token: token}}),
            ('check_token', {'token': token, 'unknown': token}), ('no_such_method', {'token': token}),
            ('delete_tokens_for_instance', {'instance_uuid': token + 'x'})):
        for target in (oslo_messaging.Target(topic=consoleauth.TOPIC, version='2.1'),
                       oslo_messaging.Target(topic=consoleauth.TOPIC, version='1.2'),
                       oslo_messaging.Target(topic=consoleauth.TOPIC, namespace=consoleauth.NAMESPACE, version='1.0')):
            client = oslo_messaging.get_rpc_client(bus, target, timeout=TIMEOUT_S,
                                                   serializer=serializer.ContextSerializer())
            try:
                client.call(service_context(), method, **arguments)
            except oslo_messaging.MessagingTimeout:
                raise
            except Exception:
                pass    # refused, in whatever way
    bus.cleanup()


def let_it_expire(database: Path, token: str) -> None:
    with contextlib.closing(sqlite3.connect(database, timeout=TIMEOUT_S)) as connection, connection:
        newest = connection.execute('SELECT max(id) FROM console_auth_tokens').fetchone()[0]
        assert connection.execute('UPDATE console_auth_tokens SET expires = 1 WHERE id = ?', [newest]).rowcount == 1


def state_of(directory: Path) -> str:
    """Return the contents of all files there, the database's journal included."""
    paths = [path for path in directory.rglob('*') if path.is_file()]
    assert any(path.name.endswith('.sqlite') for path in paths)
    return '\n'.join(path.read_bytes().decode('latin-1') for path in paths)


def test_no_token_in_the_log_of_standalone(tmp_path: Path):
    with Standalone(tmp_path, '--port', '0', '--debug', '--state-path', str(tmp_path / 'state')) as process:
        url = process.console_url()
        token = token_of(url)
        with open_console(url) as session:
            session.see_typed('hello')
        read_refusal(url_with_token(url, token + 'x'))
        openrc = process.openrc()
        path = f'{openrc["OS_COMPUTE_ENDPOINT_OVERRIDE"]}/os-console-auth-tokens/{token}'
        for key in (openrc['OS_TOKEN'], 'another'):
            requests.get(path, timeout=TIMEOUT_S, headers={'X-Auth-Token': key,
                                                           'OpenStack-API-Version': 'compute 2.31'})
        assert lines_with(' DEBUG ', process)
        log = '\n'.join(line for line in process.output().splitlines() if not line.startswith('console_url: '))
        assert not traces_of(token, log)
        assert openrc['OS_TOKEN'] not in log
        assert not traces_of(token, state_of(tmp_path / 'state'))


def test_the_api_s_request_id_is_in_the_proxy_s_lines(cloud: Cloud):
    if not cloud.compute.is_running():
        cloud.compute.start()
        cloud.consoleauth.start()
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
    answer = cloud.request_console(demo_instance_uuid(cloud.host))
    assert answer.ok, answer.text
    request_id = answer.headers['X-OpenStack-Request-ID']
    mark = cloud.novncproxy.mark()
    with open_console(answer.json()['remote_console']['url']) as session:
        session.see_typed('hello')
    cloud.novncproxy.wait_for_line('Session .* ended', since=mark)
    story = [line for line in cloud.novncproxy.output(mark).splitlines() if 'Session ' in line]
    assert len(story) >= 2
    for line in story:
        assert request_id in line, line
    for service in (cloud.consoleauth, cloud.compute):
        assert lines_with(request_id, service)
