# SPDX-License-Identifier: Apache-2.0
"""Whatever happens, no token gets into a log, at any level."""

import contextlib
import logging
import uuid
from concurrent import futures

from nova_vnc import objects
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import build_request, build_upgrade, echo


def test_no_token_in_any_log(rig, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ('websockify', 'oslo_messaging', 'nova_vnc'):
        caplog.set_level(logging.DEBUG, name)
    rig.start(handshake_timeout=1, header_timeout=1)
    tokens = [str(uuid.uuid4()) for _ in range(5)]
    _, failing, silent, garbage, stopped = tokens
    tokens.append(use_console(rig))
    rig.consoleauth.checks[failing] = KeyError('of the other side')
    rig.consoleauth.checks[stopped] = objects.TokenCheck(None, objects.REASON_NOT_READY)
    for token, behave in ((silent, lambda sock: sock.recv(1)), (garbage, lambda sock: sock.sendall(b'x' * 100))):
        rig.consoleauth.checks[token] = rig.consoleauth.checks[rig.console(behave)]
    with futures.ThreadPoolExecutor(32) as pool:
        for token in tokens:
            for request in all_requests(token):
                pool.submit(send, rig, request)
    rig.stop()
    log = '\n'.join(record.getMessage() + (record.exc_text or '') for record in caplog.records)
    assert 'refused' in log
    assert '101' in log
    for token in tokens:
        assert token not in log
        assert token[:13] not in log


def use_console(rig):
    token = rig.console(echo)
    stream = rig.open_console(token)
    RFBClient(stream.read, stream.write).connect()
    stream.client.close()
    return token


def all_requests(token):
    target = f'/?token={token}'
    yield from (build_upgrade(target), build_upgrade(target, Origin='http://127.0.0.1'),
                build_upgrade(target, Origin='http://evil.example'), build_upgrade(target, Origin=token),
                build_upgrade(target, Host=token), build_upgrade(target, Sec_WebSocket_Key=token),
                build_upgrade(target + '&token=x'), build_upgrade('/', Cookie=f'token={token}; {token}'),
                build_upgrade('/', Cookie=f'token={token}', Origin='http://127.0.0.1'))
    for path in ('/', '/vnc_auto.html', '/vnc.html', '/nothing'):
        for query in (f'?token={token}', f'?path=%3Ftoken%3D{token}', f'?token={token}&token=x',
                      f'%3Ftoken%3D{token}', f';token={token}', f'/{token}'):
            yield build_request(path + query, Connection='close')
    yield build_request(target, method=token, Connection='close')
    yield from (f'GET {target}\r\n\r\n'.encode(), f'GET {target} HTTP/x\r\n\r\n'.encode(),
                f'GET {target} b c\r\n\r\n'.encode(), f'{token}\r\n\r\n'.encode(), f'GET {target}'.encode(),
                f'GET /{token}'.encode() + b'x' * 9000, f'GET {target} HTTP/1.1\r\nA: '.encode() + b'x' * 40000)


def send(rig, request):
    sock = rig.connect()
    with contextlib.suppress(OSError):
        sock.sendall(request)
        receive_until_eof(sock)
