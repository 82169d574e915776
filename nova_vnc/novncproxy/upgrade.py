# SPDX-License-Identifier: Apache-2.0
"""The opening handshake of a WebSocket (RFC 6455 section 4.2), server side. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from http import HTTPStatus

from nova_vnc.novncproxy.header_fields import Fields

# Draft versions 7 and 8, which websockify takes too, name the page in Sec-WebSocket-Origin, so their clients would pass
# for programs without an Origin. No browser has spoken them since 2012.
VERSION = '13'

_KEY_BYTES = 16
# What websockify and old noVNC agree on.
_SUBPROTOCOL = 'binary'
# Binary messages are the same. In addition the server may send text messages, each a JSON object, between them.
NOTICES = 'nova-vnc.notices'


class UpgradeRefused(Exception):
    """The request is no proper WebSocket handshake."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def check_upgrade(request_version: str, headers: Fields) -> None:
    """:raises UpgradeRefused: the handshake lacks something"""
    if request_version < 'HTTP/1.1' or 'upgrade' not in headers.tokens('Connection'):
        raise UpgradeRefused(HTTPStatus.BAD_REQUEST, 'A WebSocket needs HTTP/1.1 and the header Connection: Upgrade.')
    if headers.get_all('Sec-WebSocket-Version') != [VERSION]:
        raise UpgradeRefused(HTTPStatus.UPGRADE_REQUIRED, f'Only version {VERSION} of WebSocket is spoken here.')
    keys = headers.get_all('Sec-WebSocket-Key', [])
    if len(keys) != 1 or not _is_key(keys[0]):
        raise UpgradeRefused(HTTPStatus.BAD_REQUEST, 'Sec-WebSocket-Key is missing or malformed.')
    offered = headers.get('Sec-WebSocket-Protocol', '')
    if offered and not choose_subprotocol(offered.split(',')):
        raise UpgradeRefused(HTTPStatus.BAD_REQUEST,
                             f'The WebSocket subprotocols here are {_SUBPROTOCOL} and {NOTICES}.')


def choose_subprotocol(offered: Sequence[str]) -> str:
    """Return what to answer; '' where nothing was offered.

    :param offered: the Sec-WebSocket-Protocol header, split at its commas and at nothing else, of a handshake that
        check_upgrade() has passed
    """
    return next((protocol for protocol in offered if protocol.strip() in (_SUBPROTOCOL, NOTICES)), '')


def takes_notices(headers: Fields) -> bool:
    """Tell whether choose_subprotocol() answers NOTICES."""
    return choose_subprotocol(headers.get('Sec-WebSocket-Protocol', '').split(',')).strip() == NOTICES


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key.strip(), validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False
