# SPDX-License-Identifier: Apache-2.0
"""Security types by number and name, VeNCrypt's subtypes too, and what a client accepts of them.

Peers may offer any number, so the machines work on plain integers; the names serve for saying what
we want and for printing what we got.
"""

from __future__ import annotations

import dataclasses
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
    return _name_of(SecurityType, number)


class VeNCryptSubtype(enum.IntEnum):
    """The subtypes of VENCRYPT (rfbproto): what TLS is done with, and what proves who the client is.

    TLS without X509 is TLS with anonymous Diffie-Hellman, in which nobody proves who he is: it keeps
    out who only listens, not who stands in between.
    """

    PLAIN = 256
    TLS_NONE = 257
    TLS_VNC = 258
    TLS_PLAIN = 259
    X509_NONE = 260
    X509_VNC = 261
    X509_PLAIN = 262
    X509_SASL = 263
    TLS_SASL = 264


def subtype_name(number: int) -> str:
    """Return e.g. 'X509_NONE (260)', and 'unknown (1000)' for a number that has no name here.

    Below 256 they are the security types, which TigerVNC lists among the subtypes.
    """
    if number < VeNCryptSubtype.PLAIN:
        return security_type_name(number)
    return _name_of(VeNCryptSubtype, number)


def _name_of(known: type[enum.IntEnum], number: int) -> str:
    try:
        return f'{known(number).name} ({number:d})'
    except ValueError:
        return f'unknown ({number:d})'


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A security type that a client accepts.

    :ivar subtypes: those of VENCRYPT that it accepts, the most wanted first; () for other types
    """

    security_type: int
    subtypes: tuple[int, ...] = ()


# No authentication, and nothing hides what is said.
NONE = Scheme(SecurityType.NONE)
# TLS, and the server proves who it is.
VENCRYPT_X509 = Scheme(SecurityType.VENCRYPT, (VeNCryptSubtype.X509_NONE,))
