# SPDX-License-Identifier: Apache-2.0
"""The interface of a token store."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence

from nova_vnc.consoleauth import resources
from nova_vnc.consoleauth.tokens import Authorization


class TokenStore(abc.ABC):
    """Keeps tokens for several processes of nova-consoleauth at once, over restarts; thread-safe.

    A token in clear gets here and no further: a driver keeps its hash (tokens.hash_token), and the access_url without
    it, each in a way of its own (stores.access_urls has two). Every method raises StoreUnavailable when the store
    cannot be used now, within a few seconds. tests/unit/consoleauth/stores/test_contract.py runs on every driver.
    """

    @classmethod
    @abc.abstractmethod
    def build(cls, parts: resources.Resources) -> TokenStore:
        """Make the store that the options ask for; nothing is connected yet.

        :raises ConfigurationError: the options do not fit this driver
        """

    @abc.abstractmethod
    def add(self, authorization: Authorization) -> None:
        """Keep a token. One that is kept already, with the same data, is valid until the later of both times.

        created_at and request_id are no such data: they tell when and by whom it was asked for.

        :raises TokenInUse: it is kept with other data
        """

    @abc.abstractmethod
    def get(self, token: str, now: float) -> Authorization | None:
        """Return what was authorized by a token, if that is valid at a time (unix seconds)."""

    def get_many(self, wanted: Sequence[str], now: float) -> Mapping[str, Authorization | None]:
        """As get(), of several tokens. Those of which it cannot be told now are missing in the answer."""
        return {token: self.get(token, now) for token in wanted}

    @abc.abstractmethod
    def delete_for_instance(self, instance_uuid: str) -> int:
        """Forget the tokens of a VM and return how many there were."""

    @abc.abstractmethod
    def purge(self, now: float) -> int:
        """Forget what is not valid any more at a time (unix seconds), and return how many there were."""
