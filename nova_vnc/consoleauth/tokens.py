# SPDX-License-Identifier: Apache-2.0
"""Rules for tokens, without any input or output: what is accepted, what is stored, and what is given back."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from typing import Any

from nova_vnc import exception, objects

# The columns of Nova's table hold as many characters.
MAX_LENGTH = 255

# Tokens are UUIDs everywhere in Nova; any text that stands in a URL without quoting will do.
_TOKEN = re.compile(rf'[A-Za-z0-9._~-]{{1,{MAX_LENGTH}}}')
_HOST = re.compile(rf'[\x21-\x7e]{{1,{MAX_LENGTH}}}')
_REQUEST_ID = re.compile(rf'[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}')

# Where a token was in a stored URL. No URL holds a `<`; one that does anyway has it doubled.
_PLACE = '<token>'
_ESCAPED = {_PLACE: None, '<<': '<'}


@dataclasses.dataclass(frozen=True)
class StoredToken:
    """What is kept of a token: everything but the token."""

    token_hash: str
    console_type: str
    host: str
    port: str
    instance_uuid: str
    expires: int                            # unix seconds
    internal_access_path: str | None = None
    access_url_base: str | None = None      # access_url without the token: take_token_out()
    created_at: float | None = None         # unix seconds
    request_id: str | None = None           # of the request that asked for the console

    def has_same_data(self, other: StoredToken) -> bool:
        """Tell whether both lead to the same console, whenever and by whomever they were asked for."""
        return self._data() == other._data()

    def _data(self) -> tuple[str | None, ...]:
        return (self.token_hash, self.console_type, self.host, self.port, self.instance_uuid,
                self.internal_access_path, self.access_url_base)


def hash_token(token: str) -> str:
    """Return the SHA-256 as lower-case hex digits, as Nova's table has it."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(value: object) -> bool:
    """Tell whether a token may look like this."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def take_token_out(access_url: str, token: str) -> str:
    """Replace the token wherever it stands in the URL; put_token_in() undoes exactly that.

    It stands there as `?token=<token>` (Nova up to Stein) or `?path=%3Ftoken%3D<token>` (since). A URL without it stays
    as it is.
    """
    return re.sub(f'{re.escape(token)}|<', lambda found: _PLACE if found[0] == token else '<<', access_url)


def put_token_in(access_url_base: str, token: str) -> str:
    return re.sub('|'.join(_ESCAPED), lambda found: _ESCAPED[found[0]] or token, access_url_base)


def expiry(now: float, ttl_s: int) -> int:
    """Return until when a token given out now is valid, in unix seconds. With a ttl of 0 it never is."""
    return int(now) + ttl_s


def is_valid(stored: StoredToken, now: float) -> bool:
    return stored.expires > now


def build_stored_token(*, token: object, console_type: object, host: object, port: object,
                       internal_access_path: object, instance_uuid: object, access_url: object, now: float,
                       ttl_s: int, request_id: str | None = None) -> StoredToken:
    """Check the arguments of authorize_console and return what to keep of them.

    :raises ConsoleTypeInvalid: this project has no proxy for such consoles
    :raises InvalidInput: another argument is malformed
    """
    if console_type != objects.CONSOLE_TYPE_NOVNC:
        raise exception.ConsoleTypeInvalid(console_type=str(console_type)[:MAX_LENGTH])
    if not is_token(token):
        raise exception.InvalidInput(reason='the token is empty, too long, or holds characters that no token has')
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise exception.InvalidInput(reason='the host of the VNC server is no address')
    uuid = objects.normalize_uuid(instance_uuid)
    if uuid is None:
        raise exception.InvalidInput(reason='instance_uuid is not a UUID')
    url = _optional_text('access_url', access_url)
    return StoredToken(
        token_hash=hash_token(str(token)), console_type=str(console_type), host=host, port=objects.check_port(port),
        instance_uuid=uuid, expires=expiry(now, ttl_s), created_at=now,
        request_id=request_id if request_id and _REQUEST_ID.fullmatch(request_id) else None,
        internal_access_path=_optional_text('internal_access_path', internal_access_path),
        access_url_base=None if url is None else _optional_text('access_url', take_token_out(url, str(token))))


def build_connect_info(stored: StoredToken, token: str, ttl_s: int) -> objects.ConnectInfo:
    """Return what check_token answers for a token that is valid."""
    created_at = stored.created_at if stored.created_at is not None else stored.expires - ttl_s
    return objects.ConnectInfo(
        token=token, console_type=stored.console_type, host=stored.host, port=stored.port,
        instance_uuid=stored.instance_uuid, internal_access_path=stored.internal_access_path,
        access_url=None if stored.access_url_base is None else put_token_in(stored.access_url_base, token),
        last_activity_at=float(created_at))


def _optional_text(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_LENGTH or not value.isprintable():
        raise exception.InvalidInput(reason=f'{name} is no printable text of at most {MAX_LENGTH} characters')
    return value
