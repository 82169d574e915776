# SPDX-License-Identifier: Apache-2.0
"""Rules for tokens, without any input or output: what is accepted, and what is given back."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from typing import Any

from nova_vnc import exception, objects

# The columns of Nova's table hold as many characters.
MAX_LENGTH = 255
# With its token, which no store keeps.
_MAX_URL_LENGTH = 2 * MAX_LENGTH

# Tokens are UUIDs everywhere in Nova; any text that stands in a URL without quoting will do.
_TOKEN = re.compile(rf'[A-Za-z0-9._~-]{{1,{MAX_LENGTH}}}')
_HOST = re.compile(rf'[\x21-\x7e]{{1,{MAX_LENGTH}}}')
_REQUEST_ID = re.compile(rf'[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}')

# Every type that any release of Nova has handed out.
CONSOLE_TYPES = frozenset({
    objects.CONSOLE_TYPE_NOVNC, 'xvpvnc', 'spice-html5', 'spice-direct', 'rdp-html5', 'serial', 'webmks', 'mks'})


@dataclasses.dataclass(frozen=True)
class Authorization:
    """What was authorized by a token, which is here in clear: no store keeps it so."""

    token: str = dataclasses.field(repr=False)
    console_type: str
    host: str
    port: str                               # digits; of a VM that Nova knows to have none: -1
    instance_uuid: str
    expires: int                            # unix seconds
    internal_access_path: str | None = None
    access_url: str | None = dataclasses.field(default=None, repr=False)    # with the token
    created_at: float | None = None         # unix seconds
    request_id: str | None = None           # of the request that asked for the console
    tls_port: int | None = None             # of spice-direct alone

    @property
    def has_port(self) -> bool:
        """Whether it leads to a port: Nova hands out tokens with the port -1 of a VM that is stopped."""
        return any(_is_port(port) for port in (self.port, self.tls_port))


def hash_token(token: str) -> str:
    """Return the SHA-256 as lower-case hex digits, as Nova's table has it."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(value: object) -> bool:
    """Tell whether a token may look like this."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def expiry(now: float, ttl_s: int) -> int:
    """Return until when a token given out now is valid, in unix seconds. With a ttl of 0 it never is."""
    return int(now) + ttl_s


def is_valid(authorization: Authorization, now: float) -> bool:
    return authorization.expires > now


def build_authorization(*, token: object, console_type: object, host: object, port: object,
                        internal_access_path: object, instance_uuid: object, access_url: object, now: float,
                        ttl_s: int, request_id: str | None = None) -> Authorization:
    """Check the arguments of authorize_console and return what they say.

    :raises ConsoleTypeInvalid: Nova has no such consoles
    :raises InvalidInput: another argument is malformed
    """
    if not isinstance(console_type, str) or console_type not in CONSOLE_TYPES:
        raise exception.ConsoleTypeInvalid(console_type=str(console_type)[:MAX_LENGTH])
    if not is_token(token):
        raise exception.InvalidInput(reason='the token is empty, too long, or holds characters that no token has')
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise exception.InvalidInput(reason='the host of the console is no address')
    uuid = objects.normalize_uuid(instance_uuid)
    if uuid is None:
        raise exception.InvalidInput(reason='instance_uuid is not a UUID')
    return Authorization(
        token=str(token), console_type=console_type, host=host, port=objects.check_port(port), instance_uuid=uuid,
        expires=expiry(now, ttl_s), created_at=now,
        request_id=request_id if request_id and _REQUEST_ID.fullmatch(request_id) else None,
        internal_access_path=_optional_text('internal_access_path', internal_access_path),
        access_url=_optional_text('access_url', access_url, _MAX_URL_LENGTH))


def build_connect_info(authorization: Authorization, ttl_s: int) -> objects.ConnectInfo:
    """Return what check_token answers for a token that is valid."""
    found = authorization
    created_at = found.created_at if found.created_at is not None else found.expires - ttl_s
    return objects.ConnectInfo(
        token=found.token, console_type=found.console_type, host=found.host, port=found.port,
        instance_uuid=found.instance_uuid, internal_access_path=found.internal_access_path,
        access_url=found.access_url, last_activity_at=float(created_at), tls_port=found.tls_port)


def _is_port(value: object) -> bool:
    try:
        return bool(objects.check_port(value))
    except exception.InvalidInput:
        return False


def _optional_text(name: str, value: Any, max_length: int = MAX_LENGTH) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > max_length or not value.isprintable():
        raise exception.InvalidInput(reason=f'{name} is no printable text of at most {max_length} characters')
    return value
