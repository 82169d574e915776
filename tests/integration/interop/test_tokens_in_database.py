# SPDX-License-Identifier: Apache-2.0
"""Rocky and later: nova-compute has written the token; our nova-consoleauth and nova-novncproxy take it from there."""

import pytest

from nova_vnc import objects
from nova_vnc.context import service_context
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.console_client import open_console, read_refusal, token_of
from tests.fixtures.nova_cell import NovaCell, NovaError
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.qemu import QEMU

CHAIN = "token in Nova's {place.database} -> our nova-consoleauth -> our nova-novncproxy"
pytestmark = [pytest.mark.timeout(900), pytest.mark.interop(CHAIN, 'nova {place.release}')]
NOT_VALID = 'This console link is not valid any more. Ask for a new one.'


def new_console_url(cell: NovaCell, compute_cell: NovaCell, instance_uuid: str, vnc_server: QEMU,
                    novncproxy_url: str) -> str:
    """Return the URL of a token that Nova has put into its table, on our proxy."""
    if cell is compute_cell:
        answer = cell.call('get_vnc_console', host=cell.host, instance_uuid=instance_uuid)
    else:
        answer = cell.call('authorize', ttl_s=600, console_type='novnc', host='127.0.0.1', port=vnc_server.port,
                           instance_uuid=instance_uuid, access_url_base=cell.base_url)
    return str(answer['access_url']).replace(f'http://127.0.0.1:{cell.proxy_port}', novncproxy_url, 1)


@pytest.fixture
def console_url(cell: NovaCell, compute_cell: NovaCell, instance_uuid: str, vnc_server: QEMU,
                novncproxy_url: str) -> str:
    return new_console_url(cell, compute_cell, instance_uuid, vnc_server, novncproxy_url)


def test_session(console_url: str, instance_uuid: str):
    with open_console(console_url) as console:
        assert console.rfb.server_init.name.decode() == f'web1 ({instance_uuid})'
        assert console.see_screen() == (console.rfb.server_init.width, console.rfb.server_init.height)
    open_console(console_url).close()


def test_token_that_nova_deleted(cell: NovaCell, console_url: str, instance_uuid: str):
    cell.call('delete_tokens', instance_uuid=instance_uuid)
    assert NOT_VALID in read_refusal(console_url).reason


def test_instance_that_nova_deleted(cell: NovaCell, console_url: str, instance_uuid: str):
    cell.call('destroy_instance', instance_uuid=instance_uuid)
    assert read_refusal(console_url).close_code == 4401


def test_token_of_a_console_that_has_moved(compute_cell: NovaCell, console_url: str, instance_uuid: str):
    compute_cell.set_console(instance_uuid, '127.0.0.1', str(free_port()))
    assert read_refusal(console_url).close_code == 4410


def test_our_nova_consoleauth_deletes_as_novas_objects_do(cell: NovaCell, consoleauth: ConsoleAuthAPI,
                                                          console_url: str, instance_uuid: str):
    token = token_of(console_url)
    assert consoleauth.check_token(service_context(), token).connect_info is not None
    consoleauth.delete_tokens_for_instance(service_context(), instance_uuid)
    wait_until(lambda: consoleauth.check_token(service_context(), token).reason == objects.REASON_INVALID, 60,
               'the token to be gone')
    with pytest.raises(NovaError, match='InvalidToken'):
        cell.call('validate', token=token)
