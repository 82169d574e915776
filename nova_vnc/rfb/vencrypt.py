# SPDX-License-Identifier: Apache-2.0
"""VeNCrypt 0.2 (security type 19) as the VNC client sees it, from its choice to where TLS starts (rfbproto).

    server: U8 major, U8 minor    the highest version it speaks
    client: U8 0, U8 2            the version to be spoken; 0, 0 where it does not speak the server's
    server: U8                    0: agreed; anything else: not, and it closes
    server: U8 count, U32 each    the subtypes on offer; count 0: none, and it closes
    client: U32                   one of them; 0 where it wants none
    server: U8                    1: agreed; 0: not, and it closes (the other way round than before)
    both:   the handshake of TLS, which the client begins
    server: SecurityResult, in all versions of RFB, as the security type is not None

0.1 has other numbers for the subtypes, and no server in use has no other version.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from nova_vnc.rfb.errors import ConnectionFailed, NoAcceptableSubtype, ProtocolError
from nova_vnc.rfb.machine import Machine, Step
from nova_vnc.rfb.security import Scheme, SecurityType, VeNCryptSubtype, subtype_name

_VERSION = (0, 2)
_NO_VERSION = (0, 0)
_NO_SUBTYPE = 0
_VERSION_AGREED = 0
_SUBTYPE_AGREED = 1

# All others ask for a password after TLS has started.
_CARRIED_OUT = {VeNCryptSubtype.X509_NONE, VeNCryptSubtype.TLS_NONE}


def can_be_carried_out(scheme: Scheme) -> bool:
    return (scheme.security_type == SecurityType.VENCRYPT and bool(scheme.subtypes)
            and _CARRIED_OUT.issuperset(scheme.subtypes))


class ClientSteps(Machine):
    """The steps of VeNCrypt, for a machine that has come so far."""

    def _agree_on_subtype(self, acceptable: Sequence[int]) -> Step[int]:
        """Return the subtype.

        :param acceptable: the most wanted first
        """
        yield from self._agree_on_vencrypt_version()
        # The count is a U8, so the list cannot be longer than 1020 bytes.
        count = yield from self._read_u8()
        offered = struct.unpack(f'!{count}I', (yield from self._read_exact(4 * count)))
        chosen = next((subtype for subtype in acceptable if subtype in offered), _NO_SUBTYPE)
        # An empty list ends it, and there is nobody any more who waits for an answer.
        if offered:
            self._send(struct.pack('!I', chosen))
        if chosen == _NO_SUBTYPE:
            raise NoAcceptableSubtype(offered)
        yield from self._read_agreement(_SUBTYPE_AGREED, f'VeNCrypt subtype {subtype_name(chosen)}')
        return chosen

    def _agree_on_vencrypt_version(self) -> Step[None]:
        announced = tuple((yield from self._read_exact(2)))
        if announced < _VERSION:
            self._send(bytes(_NO_VERSION))
            raise ProtocolError('VeNCrypt version {}.{} is not supported'.format(*announced))
        self._send(bytes(_VERSION))
        yield from self._read_agreement(_VERSION_AGREED, 'VeNCrypt version {}.{}'.format(*_VERSION))

    def _read_agreement(self, agreed: int, what: str) -> Step[None]:
        if (yield from self._read_u8()) != agreed:
            raise ConnectionFailed('', refused=what)
