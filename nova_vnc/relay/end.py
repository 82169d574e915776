# SPDX-License-Identifier: Apache-2.0
"""How a relay ended."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class EndCause(enum.Enum):
    """What came first; the rest of the end follows from it."""

    CLIENT_CLOSED = 'the client closed the WebSocket'
    CLIENT_LOST = 'the connection to the client broke'
    CLIENT_PROTOCOL_ERROR = 'the client broke the WebSocket protocol'
    PING_TIMEOUT = 'the client did not answer'
    TARGET_CLOSED = 'the VNC server closed the connection'
    TARGET_LOST = 'the connection to the VNC server broke'
    CLOSED = 'the proxy closed the session'
    TIME_UP = 'its time was up'
    INTERNAL_ERROR = 'internal error'


@dataclass(frozen=True, slots=True)
class RelayEnd:
    """The one report that a relay gives.

    :ivar close_code: of the close frame that the client sent (CLIENT_CLOSED; 1005 if it gave none) or was sent; 1006
        where there was none
    :ivar reason: the text beside that code; may come from the client
    :ivar bytes_from_client: payload, without WebSocket headers, as is bytes_from_target
    :ivar duration_s: from add() to the end
    """

    cause: EndCause
    close_code: int
    reason: str
    bytes_from_client: int
    bytes_from_target: int
    duration_s: float
