# SPDX-License-Identifier: Apache-2.0
"""The handshake as the VNC client sees it (RFC 6143 section 7.1, for 3.3 and 3.7 its appendix A).

    step                     3.3                  3.7                  3.8
    ProtocolVersion, 7.1.1   server: 12 bytes; client: 12 bytes, never more than the server's
    security type, 7.1.2     server: U32,         server: U8 count, U8 for each type;
                             no choice            client: U8, one of them
      none offered           U32 0, reason        U8 0, reason         U8 0, reason
    the type's own part      None (7.2.1) has none; VeNCrypt: see vencrypt.py
    SecurityResult, 7.1.3    not after None       not after None       always
      failed                 U32 not 0            U32 not 0            U32 not 0, reason
    then                     the client speaks next: ClientInit (7.3.1), not part of this machine

A reason is U32 length and text; the server closes after it.
"""

from __future__ import annotations

from collections.abc import Sequence

from nova_vnc.rfb import vencrypt, version
from nova_vnc.rfb.errors import ConnectionFailed, NoAcceptableSecurity
from nova_vnc.rfb.machine import Step
from nova_vnc.rfb.security import NONE, Scheme, SecurityType

_SECURITY_RESULT_OK = 0


class ClientHandshake(vencrypt.ClientSteps):
    """Speak to a VNC server up to and including SecurityResult. ClientInit is not sent yet.

    :param acceptable: the most wanted first; the server's order does not count. What the server
        does not offer is passed over, so the last of them is what one in between can bring about.
        Only None, and VeNCrypt with the subtypes X509None and TLSNone, can be carried out.
    :param max_version: the highest version to ask for, one of the published ones

    :ivar server_version: as the server announced it, e.g. (3, 889); None until then
    :ivar version: the published version being spoken; None until then
    :ivar security_type: the type agreed on; None until then
    :ivar subtype: of VeNCrypt, the one agreed on; None until then. starts_tls comes later

    Raises from receive_data(): ProtocolError, UnexpectedEOF, ConnectionFailed,
    NoAcceptableSecurity.
    """

    def __init__(self, acceptable: Sequence[Scheme] = (NONE,),
                 max_version: version.Version = version.VERSION_3_8) -> None:
        for scheme in acceptable:
            if scheme != NONE and not vencrypt.can_be_carried_out(scheme):
                raise ValueError(f'{scheme} cannot be carried out, only None and VeNCrypt can')
        self._acceptable = {scheme.security_type: scheme for scheme in acceptable}
        self._max_version = max_version
        self.server_version: version.Version | None = None
        self.version: version.Version | None = None
        self.security_type: int | None = None
        self.subtype: int | None = None
        super().__init__()

    def _run(self) -> Step[None]:
        spoken = yield from self._agree_on_version()
        if spoken >= version.VERSION_3_7:
            self.security_type = yield from self._choose_security_type()
        else:
            self.security_type = yield from self._read_dictated_security_type()
        if self.security_type == SecurityType.VENCRYPT:
            self.subtype = yield from self._agree_on_subtype(self._acceptable[self.security_type].subtypes)
            yield from self._start_tls()
        # Only after None is there none in the old versions.
        if spoken >= version.VERSION_3_8 or self.security_type != SecurityType.NONE:
            yield from self._read_security_result(spoken)

    def _agree_on_version(self) -> Step[version.Version]:
        message = yield from self._read_exact(version.VERSION_MESSAGE_BYTES)
        self.server_version = version.parse_version(message)
        self.version = min(version.spoken_version(self.server_version), self._max_version)
        self._send(version.build_version(self.version))
        return self.version

    def _choose_security_type(self) -> Step[int]:
        # The count is a U8, so the list cannot be longer than 255 bytes.
        count = yield from self._read_u8()
        if count == 0:
            yield from self._read_refusal()
        offered = yield from self._read_exact(count)
        chosen = self._first_acceptable(offered)
        self._send(bytes([chosen]))
        return chosen

    def _read_dictated_security_type(self) -> Step[int]:
        dictated = yield from self._read_u32()
        if dictated == SecurityType.INVALID:
            yield from self._read_refusal()
        return self._first_acceptable([dictated])

    def _first_acceptable(self, offered: Sequence[int]) -> int:
        for security_type in self._acceptable:
            if security_type in offered:
                return security_type
        raise NoAcceptableSecurity(offered)

    def _read_security_result(self, spoken: version.Version) -> Step[None]:
        # Besides 1 (failed) there is 2 (too many attempts, rfbproto); any other value is no success
        # either, and a reason follows all of them.
        result = yield from self._read_u32()
        if result != _SECURITY_RESULT_OK:
            if spoken < version.VERSION_3_8:
                raise ConnectionFailed('')
            yield from self._read_refusal()
