# SPDX-License-Identifier: Apache-2.0
"""Streams of bytes over sockets: TCP, the WebSocket framing, deadlines."""
