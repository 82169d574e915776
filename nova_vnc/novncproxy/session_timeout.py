# SPDX-License-Identifier: Apache-2.0
"""[consoleauth]enforce_session_timeout: a session ends when its token expires. Pure.

A client that has offered the subprotocol upgrade.NOTICES is warned by a text message, a JSON object: so many seconds
are left. Others know no text messages; they are told the time of the end with the name of the console.
"""

from __future__ import annotations

import json
import time

from nova_vnc.relay.lifetime import Limit

WARN_BEFORE_S = 60
_DAY_S = 86400
# As the codes of refusals, 4000 + status. No registered status says that the time of what was allowed is up; this is
# the one of Microsoft's IIS, Login Time-out.
CLOSE_CODE = 4440
TEXT = 'The time of this console is up. Ask for a new link.'


def build_limit(expires: float, now: float, request_id: str, *, takes_notices: bool) -> Limit:
    """Return when the session ends, and what is said then and before.

    :param expires: unix seconds, as is now
    """
    left_s = max(0.0, expires - now)
    warning = json.dumps({'session_ends_in': round(min(left_s, WARN_BEFORE_S))}) if takes_notices else None
    return Limit(end_after_s=left_s, close_code=CLOSE_CODE, reason=f'{TEXT} ({request_id})', warning=warning,
                 warn_after_s=max(0.0, left_s - WARN_BEFORE_S))


def describe_end(expires: float, now: float) -> str:
    """Return the time of the end in words that are the same everywhere; with the date where the time is no answer."""
    pattern = 'until %H:%M UTC' if expires - now < _DAY_S else 'until %Y-%m-%d %H:%M UTC'
    return time.strftime(pattern, time.gmtime(expires))
