# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.fixtures.bus import in_process_bus
from tests.functional.novncproxy.rig import Rig


@pytest.fixture
def web(tmp_path):
    """A directory that passes for noVNC's."""
    files = {'core/rfb.js': 'export default class RFB {}', 'vnc.html': '<title>noVNC</title>',
             'vnc_auto.html': '<title>noVNC, installed</title>', 'vnc_lite.html': '<title>noVNC</title>',
             'app/images/icon.svg': '<svg/>', '.git/config': 'secret'}
    for name, text in files.items():
        path = tmp_path / 'novnc' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / 'novnc'


@pytest.fixture
def rig(web):
    """Everything but the proxy is there; start() starts it."""
    with in_process_bus() as bus:
        built = Rig(bus, str(web))
        yield built
        built.close()
