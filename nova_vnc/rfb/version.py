# SPDX-License-Identifier: Apache-2.0
r"""ProtocolVersion messages (RFC 6143 section 7.1.1): "RFB 003.008\n"."""

from __future__ import annotations

import re

from nova_vnc.rfb.errors import ProtocolError

# (major, minor). Never a float: 3.10 is not 3.1.
Version = tuple[int, int]

VERSION_3_3: Version = (3, 3)
VERSION_3_7: Version = (3, 7)
VERSION_3_8: Version = (3, 8)
PUBLISHED_VERSIONS = (VERSION_3_3, VERSION_3_7, VERSION_3_8)

VERSION_MESSAGE_BYTES = 12
_VERSION_MESSAGE = re.compile(rb'RFB ([0-9]{3})\.([0-9]{3})\n')


def parse_version(message: bytes) -> Version:
    """Return the (major, minor) that a ProtocolVersion message names, published or not.

    :raises ProtocolError: on anything else than a ProtocolVersion message
    """
    match = _VERSION_MESSAGE.fullmatch(message)
    if match is None:
        raise ProtocolError(f'not an RFB ProtocolVersion message: {message!r}')
    return int(match[1]), int(match[2])


def build_version(version: Version) -> bytes:
    return b'RFB %03d.%03d\n' % version


def spoken_version(announced: Version) -> Version:
    """Return the published version that a peer announcing this one speaks.

    RFC 6143 names three. Between them lie 3.4 and 3.6 (UltraVNC) and 3.5 (a wrong report by some
    clients), all to be taken as 3.3. Beyond them lie 3.889 (Apple), 4.0 (Intel AMT), 4.1 and 5.0
    (RealVNC): a side that announces more than 3.8 has to know 3.8 as well, as each side may ask
    for less than the other offers. (noVNC agrees but for 3.889, which it takes as 3.3.)

    :raises ProtocolError: for versions below 3.3, which nobody has published
    """
    if announced < VERSION_3_3:
        raise ProtocolError('RFB version {}.{} is not supported'.format(*announced))
    return max(version for version in PUBLISHED_VERSIONS if version <= announced)
