# SPDX-License-Identifier: Apache-2.0
"""The RFB protocol (RFC 6143) as machines that do no input or output of their own.

A machine is given the bytes that arrived (receive_data) and hands out the bytes to be sent
(data_to_send); whoever owns the connection moves them. So the same code serves a TCP socket, a
WebSocket and a test, and how the bytes were split on the way cannot matter.

- machine: what all machines have in common, where TLS starts among it; drive: running one over a connection
- client, server: the handshake up to SecurityResult, seen from either side; vencrypt: a part of the client's
- init: ClientInit and ServerInit, and the name that a desktop is given

"Client" and "server" are RFB's: the client is who looks, the server is who has the screen.
"""
