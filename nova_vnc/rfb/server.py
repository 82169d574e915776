# SPDX-License-Identifier: Apache-2.0
"""The handshake as the VNC server sees it: an open door, and a closed one.

The table of client.py is the law here too, read from the other side (RFC 6143 section 7.1 and
appendix A). What a server has to add:

- A client may answer with any version; what it means is version.spoken_version()'s to say, and no
  client is spoken to in a higher version than it was offered.
- From 3.7 on a refusal is an empty list of types and a reason (7.1.2), in 3.3 a U32 0 and a reason.
- A type that was not offered is refused with SecurityResult 1 and a reason in 3.8 (7.1.3); in 3.7
  the protocol has no words for it, and the connection just ends.
"""

from __future__ import annotations

import struct

from nova_vnc.rfb import version
from nova_vnc.rfb.errors import ProtocolError
from nova_vnc.rfb.machine import Machine, Step, build_reason
from nova_vnc.rfb.security import SecurityType, security_type_name

_SECURITY_RESULT_OK = struct.pack('!I', 0)
_SECURITY_RESULT_FAILED = struct.pack('!I', 1)


class _VersionedHandshake(Machine):
    """What both doors begin with.

    :ivar client_version: as the client announced it; None until then
    :ivar version: the published version being spoken; None until then
    """

    def __init__(self, max_version: version.Version) -> None:
        self._max_version = max_version
        self.client_version: version.Version | None = None
        self.version: version.Version | None = None
        super().__init__()

    def _agree_on_version(self) -> Step[version.Version]:
        self._send(version.build_version(self._max_version))
        message = yield from self._read_exact(version.VERSION_MESSAGE_BYTES)
        self.client_version = version.parse_version(message)
        self.version = min(version.spoken_version(self.client_version), self._max_version)
        return self.version


class ServerHandshake(_VersionedHandshake):
    """Speak to a VNC client up to and including SecurityResult, with security type None.

    :param max_version: the version to announce, one of the published ones

    The client's next message is ClientInit (7.3.1); many send it along, so look at trailing_data.
    Raises from receive_data(): ProtocolError, UnexpectedEOF.
    """

    def __init__(self, max_version: version.Version = version.VERSION_3_8) -> None:
        super().__init__(max_version)

    def _run(self) -> Step[None]:
        spoken = yield from self._agree_on_version()
        if spoken >= version.VERSION_3_7:
            self._send(bytes([1, SecurityType.NONE]))
            yield from self._read_choice(spoken)
        else:
            self._send(struct.pack('!I', SecurityType.NONE))
        if spoken >= version.VERSION_3_8:
            self._send(_SECURITY_RESULT_OK)

    def _read_choice(self, spoken: version.Version) -> Step[None]:
        chosen = yield from self._read_u8()
        if chosen == SecurityType.NONE:
            return
        if spoken >= version.VERSION_3_8:
            self._send(_SECURITY_RESULT_FAILED + build_reason('This security type is not offered.'))
        raise ProtocolError(
            f'the client chose security type {security_type_name(chosen)}, which was not offered')


class RefusalHandshake(_VersionedHandshake):
    """Tell a VNC client in its own protocol why it cannot connect; then close the connection.

    :param reason: shown to the user by clients such as noVNC. ASCII is best: the encoding has been
        fixed only lately (UTF-8, rfbproto), and noVNC shows each byte as a character.

    Raises from receive_data(): ProtocolError, UnexpectedEOF.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason
        super().__init__(version.VERSION_3_8)

    def _run(self) -> Step[None]:
        spoken = yield from self._agree_on_version()
        no_security = b'\0' if spoken >= version.VERSION_3_7 else struct.pack('!I', 0)
        self._send(no_security + build_reason(self._reason))
