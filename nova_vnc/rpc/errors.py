# SPDX-License-Identifier: Apache-2.0
"""Failures as they travel on the bus.

A failure carries the module and the name of its class. Nova's clients turn those of the module nova.exception into
exceptions and everything else into an internal error, so ours travel as if they were of that module. Our clients go
by the name alone, and so understand a real nova-compute as well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import oslo_messaging

from nova_vnc import exception

_NOVA_MODULE = 'nova.exception'


class WireError(Exception):
    """Base of the classes below, whose names are those of exception.RPC_ERRORS."""


_OURS_BY_NAME: dict[str, type[exception.NovaVNCError]] = {cls.__name__: cls for cls in exception.RPC_ERRORS}
_WIRE_BY_NAME: dict[str, type[WireError]] = {
    name: type(name, (WireError,), {'__module__': _NOVA_MODULE}) for name in _OURS_BY_NAME}


def expected(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate an endpoint's method: its exception.RPC_ERRORS go to the caller and leave no traceback in the log."""
    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except exception.RPC_ERRORS as error:
            to_caller = _WIRE_BY_NAME[type(error).__name__](error.message)
        try:
            raise to_caller
        except WireError:
            raise oslo_messaging.ExpectedException() from None
    return wrapper


def translate(error: Exception) -> exception.NovaVNCError | None:
    """Return our exception for a failure that a call brought back, or None for one that is not ours."""
    if isinstance(error, oslo_messaging.RemoteError):
        name, text = error.exc_type, error.value
    elif isinstance(error, WireError):  # the in-process bus hands over the exception itself
        name, text = type(error).__name__, str(error)
    else:
        return None
    cls = _OURS_BY_NAME.get(name)
    return cls(str(text)) if cls else None


def is_unknown_method(error: Exception) -> bool:
    """Tell whether the other side answered that it lacks the version, the namespace or the method."""
    if isinstance(error, oslo_messaging.RemoteError):
        return error.exc_type in ('UnsupportedVersion', 'NoSuchMethod', 'RPCVersionCapError')
    return isinstance(error, (oslo_messaging.UnsupportedVersion, oslo_messaging.NoSuchMethod,
                              oslo_messaging.RPCVersionCapError))


def is_contract_known(error: Exception) -> bool:
    """Tell, of an answer that is_unknown_method(), whether only the method is unknown: version and namespace are not.

    oslo.messaging's dispatcher says which.
    """
    name = error.exc_type if isinstance(error, oslo_messaging.RemoteError) else type(error).__name__
    return name == 'NoSuchMethod'
