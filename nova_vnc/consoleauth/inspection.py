# SPDX-License-Identifier: Apache-2.0
"""What nova-consoleauth would work with, for nova-vnc-status: looked at, and not changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from nova_vnc import exception
from nova_vnc.consoleauth import resources
from nova_vnc.consoleauth.choice import Choice
from nova_vnc.consoleauth.stores import cache


@dataclasses.dataclass(frozen=True)
class Finding:
    """:ivar stops_it: nova-consoleauth cannot start so"""

    text: str
    stops_it: bool = False


def look_at_stores(parts: resources.Resources) -> Iterator[Finding]:
    """Yield what the operator should know of token store, instance directory and databases.

    :raises cfg.Error: an option has a value that it cannot have
    """
    try:
        drivers = Choice(parts).drivers()
        for database in parts.databases.all():
            if not database.would_be_made:
                database.prepare()
        if isinstance(drivers.store, cache.CacheTokenStore) and (weakness := cache.find_weakness(parts.conf)):
            yield Finding(f'{weakness}.')
    except exception.ConfigurationError as error:
        yield Finding(f'{error}.', stops_it=True)
    except exception.StoreUnavailable as error:
        yield Finding(f'{error}; nova-consoleauth would wait for it.')
    finally:
        parts.close()
