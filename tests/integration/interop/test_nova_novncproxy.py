# SPDX-License-Identifier: Apache-2.0
"""Our nova-consoleauth has written the token into Nova's table; an unmodified nova-novncproxy takes it from there."""

import uuid

import pytest

from nova_vnc import objects
from nova_vnc.access_url import build_access_url
from nova_vnc.context import service_context
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.console_client import open_console
from tests.fixtures.nova_cell import NovaCell, NovaError
from tests.fixtures.qemu import QEMU

CHAIN = "authorize_console -> our nova-consoleauth on Nova's {place.database} -> Nova's nova-novncproxy"
pytestmark = [pytest.mark.timeout(900), pytest.mark.interop(CHAIN, 'nova {place.release}')]


@pytest.fixture
def info(cell: NovaCell, consoleauth: ConsoleAuthAPI, instance_uuid: str, vnc_server: QEMU) -> objects.ConnectInfo:
    """What has been authorized."""
    token = str(uuid.uuid4())
    info = objects.ConnectInfo(token=token, console_type='novnc', host='127.0.0.1', port=str(vnc_server.port),
                               instance_uuid=instance_uuid, access_url=build_access_url(cell.base_url, token))
    consoleauth.authorize_console(service_context(), info)
    return info


@pytest.fixture(scope='package')
def novncproxy(cell: NovaCell) -> None:
    cell.start_novncproxy()


def test_session(novncproxy: None, info: objects.ConnectInfo, vnc_server: QEMU):
    with open_console(str(info.access_url)) as console:
        assert console.rfb.server_init.name.decode() == vnc_server.desktop_name
        assert console.see_screen() == (console.rfb.server_init.width, console.rfb.server_init.height)


def test_what_novas_objects_read(cell: NovaCell, info: objects.ConnectInfo):
    found = cell.call('validate', token=info.token)
    assert found == {
        'console_type': 'novnc', 'host': info.host, 'port': int(info.port), 'internal_access_path': None,
        'instance_uuid': info.instance_uuid, 'access_url_base': cell.base_url, 'access_url': info.access_url}


def test_what_novas_objects_delete(cell: NovaCell, consoleauth: ConsoleAuthAPI, info: objects.ConnectInfo):
    cell.call('delete_tokens', instance_uuid=info.instance_uuid)
    with pytest.raises(NovaError, match='InvalidToken'):
        cell.call('validate', token=info.token)
    assert consoleauth.check_token(service_context(), info.token).reason == objects.REASON_INVALID
