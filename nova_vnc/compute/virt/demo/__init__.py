# SPDX-License-Identifier: Apache-2.0
"""A guest without a hypervisor: a VNC server whose screen shows a clock and the words typed into it.

It gives a newcomer, and the tests, something to look at on any machine.

- font: characters as small pictures (the only module that needs Pillow)
- screen: a page of characters, changed by keys and the clock, seen as pixels
- area: which part of a picture has changed
- messages: what a VNC client says once the handshake is over
- update: pixels as they go to it
- viewer: one connected VNC client
- server: the listening socket and its viewers
- driver: the compute driver

The screen knows of no viewer and the viewers of each other only through it.
"""
