# SPDX-License-Identifier: Apache-2.0
"""One service in several processes, on one listening socket.

The parent (supervisor) binds the socket, starts the workers, and serves nobody itself. A worker is a process of its
own, started anew by exec and not a fork of the parent: threads, epoll objects and connections to the broker belong to
the process that has made them. It inherits the listening socket and a channel to its parent (channel, member).
"""
