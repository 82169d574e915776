# SPDX-License-Identifier: Apache-2.0
"""HTTP in: the console calls of the Compute API, and as much of its servers as clients need to find one.

A request's way: what oslo.middleware does (factory has the list) -> application -> auth (who asks) -> routes (which
handler) -> microversion -> handlers -> console_plane (the other services) -> views; whatever is raised on that way
becomes an answer in faults. handlers, schemas and views have a module of the same name for each resource. factory
assembles it all, server serves it.

The contract - URLs, bodies, status codes, headers - is that of Nova 34; where this API differs, the reference says so.
"""
