# SPDX-License-Identifier: Apache-2.0
"""The engine that moves bytes between a WebSocket client and a TCP target.

Two words run through it: the *client* is the browser, behind WebSocket frames; the *target* is the VNC server, plain
TCP. The engine knows no token, no RFB and no option.
"""
