# SPDX-License-Identifier: Apache-2.0
"""Store and directory that will be known once the database has answered: see choice.

Until then, each call raises StoreUnavailable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nova_vnc import exception
from nova_vnc.consoleauth import resources, tokens
from nova_vnc.consoleauth.choice import Choice, Drivers
from nova_vnc.consoleauth.directory import base as directory_base
from nova_vnc.consoleauth.stores import base as store_base


class ChosenTokenStore(store_base.TokenStore):

    def __init__(self, choice: Choice) -> None:
        self._choice = choice

    @classmethod
    def build(cls, parts: resources.Resources) -> ChosenTokenStore:
        return cls(Choice(parts))

    def add(self, authorization: tokens.Authorization) -> None:
        _drivers(self._choice).store.add(authorization)

    def get(self, token: str, now: float) -> tokens.Authorization | None:
        return _drivers(self._choice).store.get(token, now)

    def get_many(self, wanted: Sequence[str], now: float) -> Mapping[str, tokens.Authorization | None]:
        return _drivers(self._choice).store.get_many(wanted, now)

    def delete_for_instance(self, instance_uuid: str) -> int:
        return _drivers(self._choice).store.delete_for_instance(instance_uuid)

    def purge(self, now: float) -> int:
        return _drivers(self._choice).store.purge(now)


class ChosenInstanceDirectory(directory_base.InstanceDirectory):

    def __init__(self, choice: Choice) -> None:
        self._choice = choice

    @classmethod
    def build(cls, parts: resources.Resources) -> ChosenInstanceDirectory:
        return cls(Choice(parts))

    def get(self, instance_uuid: str) -> directory_base.Entry | None:
        return _drivers(self._choice).directory.get(instance_uuid)

    def get_many(self, uuids: Sequence[str]) -> Mapping[str, directory_base.Entry | None]:
        return _drivers(self._choice).directory.get_many(uuids)

    def page(self, project_id: str | None, name: str | None, limit: int,
             marker: str | None) -> Sequence[directory_base.Entry]:
        return _drivers(self._choice).directory.page(project_id, name, limit, marker)

    def reported(self) -> directory_base.ReportedDirectory | None:
        return _drivers(self._choice).directory.reported()


def _drivers(choice: Choice) -> Drivers:
    try:
        return choice.drivers()
    except exception.ConfigurationError as error:   # the service is about to end with it
        raise exception.StoreUnavailable(reason=error.message) from None
