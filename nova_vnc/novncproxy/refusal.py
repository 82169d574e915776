# SPDX-License-Identifier: Apache-2.0
"""Why somebody gets no console: one table for what the user reads, what a program sees and how loud the log is.

A client without an Origin header gets the HTTP status. A browser cannot see a status; it gets the text as the reason of
an RFB 3.8 refusal, and the close code 4000 + status. The text says what the user can do, and never an address or what
the check was that failed; what happened stands in the log line under the same request id.
"""

from __future__ import annotations

import enum
import logging

_DEBUG, _INFO, _WARNING, _ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

# Codes for private use (RFC 6455 section 7.4.2); they leave room for every HTTP status.
_CLOSE_CODE_BASE = 4000


class Refusal(enum.Enum):
    """Each row: HTTP status, level of the log line, public text.

    At DEBUG are those of which there may be many; a FloodLog has a line for all of them now and then.

    With the request id behind it a text must fit into a close frame, which has room for 123 bytes; so 80 is the most.
    """

    # What everybody may be told. Unknown, expired, malformed, absent and ambiguous tokens look the same.
    ORIGIN = (403, _WARNING, 'This web page may not open this console.')
    TOKEN = (401, _INFO, 'This console link is not valid any more. Ask for a new one.')
    UNAVAILABLE = (503, _ERROR, 'Console service unavailable. Try again in a minute.')
    GUESSED = (429, _DEBUG, 'Too many links from your address were not valid. Try again in a moment.')
    INTERNAL = (500, _ERROR, 'The console service made a mistake. Tell its operator.')

    # What only the holder of a valid token is told.
    SCHEME = (403, _WARNING, 'Open the console at exactly the address of its link (https or http).')
    CONSOLE_TYPE = (421, _INFO, 'This link is for another kind of console. Ask for a novnc one.')
    NOT_READY = (409, _INFO, 'The VM is not running. Start it, then ask for a new console link.')
    MOVED = (410, _INFO, 'The VM has moved. Ask for a new console link.')
    BUSY = (429, _INFO, 'This console is being opened too many times at once. Try again in a moment.')
    INSTANCE_FULL = (429, _DEBUG, 'This console is open too many times. Close one of them, then try again.')
    ADDRESS_FULL = (429, _DEBUG, 'Too many consoles are open from your address. Close one, then try again.')
    FULL = (503, _DEBUG, 'The console service has no place left. Try again in a minute.')
    HOST_SILENT = (504, _WARNING, "The VM's host does not answer. Try again in a minute.")
    UNREACHABLE = (502, _WARNING, "The VM's console cannot be reached. Try again in a minute.")
    FORBIDDEN_TARGET = (502, _ERROR, "The VM's console cannot be reached. Tell the operator.")
    SILENT = (504, _WARNING, "The VM's console does not answer. Try again in a minute.")
    NOT_VNC = (502, _WARNING, "The VM's console does not speak VNC. Tell the operator.")
    SECURITY = (502, _ERROR, "The VM's console asks for security that is not set up. Tell the operator.")
    DECLINED = (502, _WARNING, "The VM's console declines the connection. Try again in a minute.")
    CLIENT_SILENT = (408, _INFO, 'The VNC client said nothing in time.')
    CLIENT_NOT_VNC = (400, _INFO, 'The client does not speak VNC.')

    def __init__(self, status: int, level: int, text: str) -> None:
        self.status = status
        self.level = level
        self.text = text

    @property
    def close_code(self) -> int:
        return _CLOSE_CODE_BASE + self.status

    def text_with(self, request_id: str) -> str:
        """Return what the user reads, with the id under which the operator finds the rest."""
        return f'{self.text} ({request_id})'


class Refused(Exception):
    """Somebody gets no console.

    :param detail: for the operator's log; never a token
    """

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.detail = detail
