# SPDX-License-Identifier: Apache-2.0
"""The answering side of the bus."""

from __future__ import annotations

from collections.abc import Sequence

import oslo_messaging

from nova_vnc.rpc import serializer


def build_server(transport: oslo_messaging.Transport, topic: str, server: str,
                 endpoints: Sequence[object]) -> oslo_messaging.RPCServer:
    """Make a server for the queues `topic` and `topic.server`; its start() may block while there is no broker."""
    return oslo_messaging.get_rpc_server(
        transport, oslo_messaging.Target(topic=topic, server=server), list(endpoints),
        serializer=serializer.ContextSerializer(),
        access_policy=oslo_messaging.DefaultRPCAccessPolicy)
