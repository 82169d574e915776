# SPDX-License-Identifier: Apache-2.0
"""Large chunks from target to client that never come into the memory of this process: splice(2) through a pipe.

- Only as much is taken from the target as the client's socket has room for (Transport.free_to_send()), so that it goes
  out in the same call, and a session keeps next to nothing in a pipe. A client that reads slowly has little room, and
  is sent to in the plain way. What is left in a pipe all the same, where the kernel is short of memory, is sent like
  anything that is unsent.
- A frame is made of what is in the pipe already: its header never announces what does not come.

What was measured: CPU of the relay for each GiB on loopback, HAProxy as TCP relay with splice-auto = 1; one session,
then 20, native threads. Read and sent, 1.06 and 0.60; through pipes of 64 KiB about the same; of 256 KiB, 0.71 and
0.47; of 1 MiB, 0.44 and 0.30. So it is the chunks that cost, each of which wakes both peers up, more than the bytes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import suppress

from nova_vnc.net.transport import Transport
from nova_vnc.net.websocket import build_header

# What an unprivileged user may give to a pipe (/proc/sys/fs/pipe-max-size). It takes fewer bytes where the network cuts
# pieces of less than a page.
PIPE_BYTES = 1 << 20
# A read of at least so much makes the next one a splice, and a splice of less the next one a read again. So nothing is
# asked for that a key press would have to pay.
BULK_BYTES = 64 * 1024
# For all sessions of an engine: one is empty again before the next session has its turn, and one is for the rare rest.
# Pages of pipes are limited for all processes of a user (/proc/sys/fs/pipe-user-pages-soft, usually 16384), beyond
# which he gets pipes of two pages; these take 512.
_MOST_PIPES = 2

# splice(2) is not to be had here, as in some sandboxes; with these it has moved nothing.
_SPLICE_IS_MISSING = (errno.ENOSYS, errno.EPERM, errno.EINVAL)


class Pipe:
    """An empty pipe, or one with the payload of one frame.

    :raises OSError: there are no descriptors or pages for it
    """

    __slots__ = ('read_fd', 'write_fd')

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.fcntl(self.write_fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        os.close(self.read_fd)
        os.close(self.write_fd)


class PipePool:
    """The pipes of an engine. All are made at once: what runs short later does not matter to them.

    len() gives the number of free ones; there may be none at all, then everything is read and sent.
    """

    def __init__(self, most: int = _MOST_PIPES) -> None:
        self._free: list[Pipe] = []
        self._is_closed = False
        with suppress(OSError):
            for _ in range(most):
                self._free.append(Pipe())

    def __len__(self) -> int:
        return len(self._free)

    def receive(self, transport: Transport, max_bytes: int) -> tuple[int, SplicedFrame | None]:
        """Take what a transport has received, at most max_bytes, if they are many and a pipe is free.

        :returns: what its receive_into() would return, and the frame if that is more than 0; (0, None) also where
            nothing was tried, which is for the caller to find out by receive_into()
        :raises OSError: the connection is broken
        """
        if max_bytes < BULK_BYTES or not self._free:
            return 0, None
        pipe = self._free.pop()
        size = 0
        try:
            size = transport.receive_into_pipe(pipe.write_fd, min(max_bytes, PIPE_BYTES))
        except OSError as error:
            if error.errno not in _SPLICE_IS_MISSING:
                raise
            self.close()
        finally:
            if size <= 0:
                self.give_back(pipe)
        return size, SplicedFrame(self, pipe, size) if size > 0 else None

    def give_back(self, pipe: Pipe) -> None:
        """Take back an empty pipe."""
        if self._is_closed:
            pipe.close()
        else:
            self._free.append(pipe)

    def replace(self, pipe: Pipe) -> None:
        """Take back a pipe with something in it: that is dropped, with the pipe."""
        pipe.close()
        if not self._is_closed:
            with suppress(OSError):
                self._free.append(Pipe())

    def close(self) -> None:
        """Close those that are free, and others when they come back."""
        self._is_closed = True
        for pipe in self._free:
            pipe.close()
        self._free.clear()


class SplicedFrame:
    """A binary frame on its way to a client, the payload in a pipe, which goes back to its pool with the last byte.

    len() gives the bytes that are left, 0 after close().
    """

    __slots__ = ('_header', '_left', '_pipe', '_pool')

    def __init__(self, pool: PipePool, pipe: Pipe, size: int) -> None:
        self._pool = pool
        self._pipe: Pipe | None = pipe
        self._header = build_header(size)
        self._left = size

    def __len__(self) -> int:
        return len(self._header) + self._left

    def send(self, transport: Transport) -> None:
        """Send it, or a part of it.

        :raises OSError: the connection is broken
        """
        if self._pipe is None:
            return
        if self._header:
            # MSG_MORE: or else the header would be a packet of its own.
            self._header = self._header[transport.send(self._header, socket.MSG_MORE):]
            if self._header:
                return
        self._left -= transport.send_from_pipe(self._pipe.read_fd, self._left)
        if not self._left:
            self._pool.give_back(self._pipe)
            self._pipe = None

    def close(self) -> None:
        """Drop what is left."""
        if self._pipe is not None:
            self._pool.replace(self._pipe)
            self._pipe = None
        self._header = b''
        self._left = 0
