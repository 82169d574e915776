# SPDX-License-Identifier: Apache-2.0
"""What can go wrong while speaking RFB. Each class says whose fault it is.

RFBError
+-- ProtocolError         the peer broke the protocol
+-- UnexpectedEOF         the peer closed the connection in the middle
+-- ConnectionFailed      the peer refused, in the form that the protocol has for it
+-- NoAcceptableSecurity  both sides are right, but have no security type in common
    +-- NoAcceptableSubtype   or, having agreed on VeNCrypt, no subtype of it
"""

from __future__ import annotations

from collections.abc import Sequence

from nova_vnc.rfb.security import security_type_name, subtype_name


class RFBError(Exception):
    """Any failure of an RFB machine that is not a bug in the caller."""


class ProtocolError(RFBError):
    """The peer sent something that the protocol does not allow, or more than we are ready for."""


class UnexpectedEOF(RFBError):
    """The connection ended before the machine was done."""


class ConnectionFailed(RFBError):
    """The peer refused the connection and may have said why.

    :ivar reason: the peer's reason-string, cleaned and at most 256 bytes long as UTF-8; '' when it
        gave none. It is the peer's text: fit for a log line, not a promise to a user.
    :ivar refused: what the peer refused, in our words; '' for the connection as such
    """

    def __init__(self, reason: str, refused: str = '') -> None:
        super().__init__(reason, refused)
        self.reason = reason
        self.refused = refused

    def __str__(self) -> str:
        what = f'{self.refused} refused' if self.refused else 'refused'
        return f'{what} by the peer: {self.reason or "no reason given"}'


class NoAcceptableSecurity(RFBError):
    """The server offers no security type that we accept.

    :ivar offered: the types on offer as plain integers, in the server's order
    """

    def __init__(self, offered: Sequence[int]) -> None:
        super().__init__(tuple(offered))
        self.offered = tuple(offered)

    def __str__(self) -> str:
        names = ', '.join(security_type_name(number) for number in self.offered)
        return f'no acceptable security type among those offered: {names}'


class NoAcceptableSubtype(NoAcceptableSecurity):
    """The server offers VeNCrypt, but no subtype that we accept.

    :ivar offered: the subtypes on offer as plain integers, in the server's order
    """

    def __str__(self) -> str:
        names = ', '.join(subtype_name(number) for number in self.offered)
        return f'no acceptable subtype of VeNCrypt among those offered: {names or "none"}'
