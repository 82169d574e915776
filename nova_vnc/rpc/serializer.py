# SPDX-License-Identifier: Apache-2.0
"""The request context in the messages. Arguments and results are plain JSON already."""

from __future__ import annotations

from typing import Any

import oslo_messaging

from nova_vnc import context as nova_vnc_context


class ContextSerializer(oslo_messaging.NoOpSerializer):

    def serialize_context(self, context: nova_vnc_context.RequestContext) -> dict[str, Any]:
        return context.to_wire()

    def deserialize_context(self, context: dict[str, Any]) -> nova_vnc_context.RequestContext:
        return nova_vnc_context.RequestContext.from_wire(context)
