# SPDX-License-Identifier: Apache-2.0
"""Security types by number and name.

Peers may offer any number, so the machines work on plain integers; the names serve for saying what
we want and for printing what we got.
"""

from __future__ import annotations

import enum


class SecurityType(enum.IntEnum):
    """The types that VNC servers in use offer (registry: iana.org/assignments/rfb, rfbproto)."""

    INVALID = 0
    NONE = 1
    VNC_AUTHENTICATION = 2
    RA2 = 5
    RA2NE = 6
    TIGHT = 16
    ULTRA = 17
    TLS = 18
    VENCRYPT = 19
    SASL = 20
    MD5_HASH = 21
    XVP = 22
    APPLE_DH = 30


def security_type_name(number: int) -> str:
    """Return e.g. 'NONE (1)', and 'unknown (77)' for a number that has no name here."""
    try:
        return f'{SecurityType(number).name} ({number:d})'
    except ValueError:
        return f'unknown ({number:d})'
