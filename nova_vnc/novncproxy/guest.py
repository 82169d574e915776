# SPDX-License-Identifier: Apache-2.0
"""What somebody at the doorstep has said so far, and whether it is enough to let him in. Never waits."""

from __future__ import annotations

import enum

from nova_vnc.net import proxy_protocol, tls
from nova_vnc.net.transport import NOTHING_YET
from nova_vnc.novncproxy import proxy_header
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.request_scan import RequestScan, Sight

# So much of a request at a time, which bounds what is kept beyond what a header may have.
_READ_BYTES = 4096


class Step(enum.Enum):
    """What is next with a guest."""

    WAIT = enum.auto()
    WAIT_ANEW = enum.auto()     # something has begun that has a time of its own
    ADMIT = enum.auto()         # he has asked, or begins a handshake, which takes a thread
    REFUSE = enum.auto()        # what he has said is no request, whatever follows
    DISMISS = enum.auto()       # he has made no sense, and gets no answer
    CLOSE = enum.auto()         # he has left


_STEPS = {Sight.WHOLE: Step.ADMIT, Sight.HOPELESS: Step.REFUSE, None: Step.CLOSE}


class Guest:
    """Reads a connection as far as it has to be read to know who goes on with it.

    That is: a header of the PROXY protocol, where its word counts, and nothing beyond it; of TLS nothing; of HTTP the
    header of the first request, which its stream keeps for who goes on.

    :ivar due: when he has waited for too long; the doorstep's to use
    """

    __slots__ = ('_may_be_introduced', '_scan', 'connection', 'due')

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.due = 0.0
        self._may_be_introduced = connection.is_trusted
        self._scan: RequestScan | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a request has begun."""
        return self._scan is not None

    def hear(self) -> Step:
        """Take in what there is.

        :raises proxy_protocol.MalformedHeader: the text is for the operator
        :raises OSError: the connection is broken
        """
        if self._scan is not None:
            return self._hear_request(self._scan)
        begin = self.connection.stream.look_ahead(1)
        if begin is None:
            return Step.WAIT
        if not begin:
            return Step.CLOSE
        if self._may_be_introduced and begin == proxy_protocol.SIGNATURE[:1]:
            return self._hear_introduction()
        if begin in tls.CLIENT_HELLO:
            return Step.ADMIT
        self._scan = RequestScan()
        self.connection.is_idle = False
        return self._begin_anew(self._hear_request(self._scan))

    def _hear_introduction(self) -> Step:
        stream = self.connection.stream
        while missing := proxy_header.missing_bytes(stream.ahead):
            size = stream.receive_ahead(missing)
            if size == NOTHING_YET:
                return Step.WAIT
            if size == 0:
                raise proxy_protocol.MalformedHeader('the connection ended in a header of the PROXY protocol')
        proxy_header.introduce(self.connection, stream.take_ahead())
        self._may_be_introduced = False
        return self._begin_anew(self.hear())

    def _hear_request(self, scan: RequestScan) -> Step:
        stream = self.connection.stream
        # Up to the end, so that who has left with half a request sent is gone at the first look.
        while (size := stream.receive_ahead(_READ_BYTES)) != NOTHING_YET:
            sight = scan.look_at(stream.ahead) if size else None
            if sight is not Sight.PARTIAL:
                return _STEPS[sight]
        return Step.WAIT

    @staticmethod
    def _begin_anew(step: Step) -> Step:
        return Step.WAIT_ANEW if step is Step.WAIT else step
