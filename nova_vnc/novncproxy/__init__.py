# SPDX-License-Identifier: Apache-2.0
"""nova-novncproxy: WebSocket in, token check, RFB security, relay out; and the console page.

server: the listening socket; pending: who may be connected without being a session yet. handler: HTTP, with
http_stream, files and upgrade. session: the story of one session, in which request, authorizer, connector and security
each have their chapter, and refusal tells how it can end badly; token_checks asks nova-consoleauth for the authorizer.
registry: the sessions that are open. proxy: the service; factory makes it out of options.

The tenant is the side of the browser, compute that of the VNC server.
"""
