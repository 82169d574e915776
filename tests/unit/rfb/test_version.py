# SPDX-License-Identifier: Apache-2.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.rfb.errors import ProtocolError
from nova_vnc.rfb.version import PUBLISHED_VERSIONS, build_version, parse_version, spoken_version


@pytest.mark.parametrize(('message', 'version'), [
    (b'RFB 003.008\n', (3, 8)),
    (b'RFB 003.010\n', (3, 10)),
    (b'RFB 003.001\n', (3, 1)),
    (b'RFB 003.889\n', (3, 889)),
])
def test_parse_version(message, version):
    assert parse_version(message) == version
    assert build_version(version) == message


@pytest.mark.parametrize('message', [
    b'RFB 3.8     ', b'RFB 003.008 ', b'RFB 003.008\r', b'rfb 003.008\n', b'RFB -03.008\n',
    b'RFB 00\xb2.008\n', b'HTTP/1.1 400', b'\0' * 12, b'',
])
def test_parse_version_rejects_other_messages(message):
    with pytest.raises(ProtocolError):
        parse_version(message)


@pytest.mark.parametrize(('announced', 'spoken'), [
    ((3, 3), (3, 3)), ((3, 4), (3, 3)), ((3, 5), (3, 3)), ((3, 6), (3, 3)),
    ((3, 7), (3, 7)),
    ((3, 8), (3, 8)), ((3, 10), (3, 8)), ((3, 889), (3, 8)), ((4, 0), (3, 8)), ((4, 1), (3, 8)),
    ((5, 0), (3, 8)),
])
def test_spoken_version(announced, spoken):
    assert spoken_version(announced) == spoken


@pytest.mark.parametrize('announced', [(0, 0), (3, 0), (3, 2), (2, 8)])
def test_versions_before_the_first_published_one_are_refused(announced):
    with pytest.raises(ProtocolError, match='not supported'):
        spoken_version(announced)


@given(st.tuples(st.integers(3, 999), st.integers(3, 999)))
def test_a_spoken_version_is_published_and_never_above_the_announced(announced):
    assert spoken_version(announced) in PUBLISHED_VERSIONS
    assert spoken_version(announced) <= announced
