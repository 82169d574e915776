# SPDX-License-Identifier: Apache-2.0
"""The compute hosts of several cells, each behind the message bus of its cell."""

from __future__ import annotations

import threading
from collections.abc import Callable

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.consoleauth.cells import Cells
from nova_vnc.consoleauth.host_checks import Hosts
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.compute import TOPIC

LOG = logging.getLogger(__name__)


class CellHosts:
    """Connects to the bus of a cell when one of its hosts is first asked; thread-safe.

    :param own: on the bus of [DEFAULT]transport_url
    :param cells: returns the cells that there are
    :param connect: makes the client of a bus from the transport_url of a mapping. It raises ConfigurationError
    """

    def __init__(self, own: Hosts, cells: Callable[[], Cells], connect: Callable[[str], tuple[Hosts, Caller]]) -> None:
        self._own = own
        self._cells = cells
        self._connect = connect
        self._lock = threading.Lock()
        self._by_url: dict[str, tuple[Hosts, Caller] | None] = {}

    def of(self, cell_uuid: str | None) -> Hosts:
        """Return those of a cell; None: those on our own bus.

        :raises ServiceUnavailable: its bus is not known
        """
        if cell_uuid is None:
            return self._own
        cell = self._cells().by_uuid(cell_uuid)
        if cell is None:
            raise exception.ServiceUnavailable(service=TOPIC)
        url = cell.mapping.transport_url
        failure = None
        with self._lock:
            if url not in self._by_url:
                try:
                    self._by_url[url] = self._connect(url)
                except exception.ConfigurationError as error:
                    self._by_url[url], failure = None, error
            client = self._by_url[url]
        if failure is not None:     # not above: oslo.log adds the exception that is being handled to the line
            LOG.error('The hosts of cell %s cannot be asked: %s', cell.mapping.name, failure)
        if client is None:
            raise exception.ServiceUnavailable(service=TOPIC)
        return client[0]

    def close(self) -> None:
        """Refuse further calls."""
        with self._lock:
            clients = [client for client in self._by_url.values() if client is not None]
        for _, caller in clients:
            caller.close()
