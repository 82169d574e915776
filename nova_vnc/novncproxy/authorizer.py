# SPDX-License-Identifier: Apache-2.0
"""From a token to what it stands for."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

from nova_vnc import exception, objects
from nova_vnc.context import RequestContext
from nova_vnc.net.ceiling import Crowded
from nova_vnc.novncproxy.refusal import Refusal, Refused
from nova_vnc.novncproxy.request import loggable
from nova_vnc.novncproxy.token_checks import TokenChecks

_REFUSALS = {
    objects.REASON_INVALID: Refusal.TOKEN,
    objects.REASON_NOT_READY: Refusal.NOT_READY,
    objects.REASON_MOVED: Refusal.MOVED,
    objects.REASON_HOST_SILENT: Refusal.HOST_SILENT,
    objects.REASON_UNAVAILABLE: Refusal.UNAVAILABLE,
}

# The last second that a calendar has four digits for, and so that can be told: a token_ttl may mean "never".
_END_OF_TIME = 253_402_300_799


@dataclasses.dataclass(frozen=True)
class Grant:
    """What the holder of a valid token may open.

    :ivar display_name: of the VM, '' where it is not known
    :ivar access_url: the scheme and host that the console was handed out under; None: the caller was too old to say
    :ivar expires: when the token does, unix seconds
    :ivar request_id: of the API request that asked for the console, where known
    """

    instance_uuid: str
    display_name: str
    host: str
    port: int
    expires: float
    internal_access_path: str | None = None
    access_url: str | None = dataclasses.field(default=None, repr=False)
    request_id: str | None = None


class Authorizer:
    """Asks nova-consoleauth.

    How long that may take, and how many may ask at a time, is bounded by the checks that it is given.

    :param token_ttl_s: a nova-consoleauth of Nova's tells when it was given the token, not when that expires;
        0 where nobody asks for that
    :param clock: unix seconds
    """

    def __init__(self, checks: TokenChecks, token_ttl_s: float, clock: Callable[[], float] = time.time) -> None:
        self._checks = checks
        self._token_ttl_s = token_ttl_s
        self._clock = clock

    def check(self, ctxt: RequestContext, token: str) -> Grant:
        """:raises Refused: TOKEN, CONSOLE_TYPE, NOT_READY, MOVED, HOST_SILENT or UNAVAILABLE"""
        check = self._ask(ctxt, token)
        if check.connect_info is None:
            reason = check.reason or objects.REASON_INVALID
            raise Refused(_REFUSALS.get(reason, Refusal.TOKEN), f'nova-consoleauth: {reason}')
        info = check.connect_info
        if info.console_type != objects.CONSOLE_TYPE_NOVNC:
            raise Refused(Refusal.CONSOLE_TYPE, f'instance {info.instance_uuid}: a token for a console of type '
                                                f'{loggable(str(info.console_type))}')
        return Grant(instance_uuid=info.instance_uuid, display_name=check.display_name or '', host=info.host,
                     port=int(info.port), expires=self._expiry(check.expires, info.last_activity_at),
                     internal_access_path=info.internal_access_path,
                     access_url=info.access_url, request_id=check.request_id)

    def _expiry(self, expires: object, last_activity_at: object) -> float:
        told = _read_time(expires)
        if told is not None:
            return told
        begin = _read_time(last_activity_at)
        return min((self._clock() if begin is None else begin) + self._token_ttl_s, _END_OF_TIME)

    def _ask(self, ctxt: RequestContext, token: str) -> objects.TokenCheck:
        try:
            return self._checks.check(ctxt, token)
        except Crowded:
            raise Refused(Refusal.UNAVAILABLE, 'too many checks of tokens wait for an answer') from None
        except (exception.ServiceUnavailable, exception.StoreUnavailable) as error:
            raise Refused(Refusal.UNAVAILABLE, str(error)) from None
        except exception.InvalidConnectionInfo:
            raise Refused(Refusal.UNAVAILABLE, 'nova-consoleauth gave an answer that cannot be used') from None
        except Exception as error:
            # Whatever broke over there. Its text is not logged: it may quote what it was given.
            kind = getattr(error, 'exc_type', None) or type(error).__name__
            raise Refused(Refusal.UNAVAILABLE, f'nova-consoleauth failed: {kind}') from None


def _read_time(value: object) -> float | None:
    """Return a time that can be told, or None where it is none."""
    if not isinstance(value, (int, float)) or (isinstance(value, float) and math.isnan(value)):
        return None
    return max(0, min(value, _END_OF_TIME))
