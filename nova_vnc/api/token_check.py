# SPDX-License-Identifier: Apache-2.0
"""keystonemiddleware, of which a Keystone that does not answer gets few threads and those for a short time.

By itself it lets every request wait. While it has no token of its own yet, it even lets them wait one after the other,
each for its own timeout: of 64 requests at once the last one would be answered after two minutes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from keystoneauth1 import exceptions as keystoneauth_exceptions
from keystonemiddleware import auth_token

from nova_vnc.api import wsgi
from nova_vnc.net import ceiling

# Who waits for keystoneauth's lock is answered within that; a Keystone that is back is noticed as soon.
_REST_S = 2.0


class AskingKeystone:
    """Takes the place of keystoneauth1.session.Session.request. Thread-safe.

    Once Keystone has not answered, nobody asks it for a moment, and then one request at a time does, until it answers.

    :param ask: what it takes the place of
    :param most: requests that wait for Keystone at once
    """

    def __init__(self, ask: Callable[..., Any], most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._places = ceiling.Ceiling(total=most, each=most)
        self._clock = clock
        self._failed_at: float | None = None
        self._try = threading.Lock()
        self._own = threading.local()   # a request asks for a token of the middleware's while it asks for its own

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """:raises ConnectFailure: Keystone is not to be asked now"""
        if getattr(self._own, 'is_asking', False):
            return self._learn(*args, **kwargs)
        self._own.is_asking = True
        try:
            with self._places.place(None):
                return self._ask_alone(*args, **kwargs) if self._failed_at is not None else self._learn(*args, **kwargs)
        except ceiling.Crowded:
            raise keystoneauth_exceptions.ConnectFailure('too many requests wait for Keystone') from None
        finally:
            self._own.is_asking = False

    def _ask_alone(self, *args: Any, **kwargs: Any) -> Any:
        if self._rests() or not self._try.acquire(blocking=False):
            raise keystoneauth_exceptions.ConnectFailure('Keystone has just not answered')
        try:
            return self._learn(*args, **kwargs)
        finally:
            self._try.release()

    def _rests(self) -> bool:
        failed_at = self._failed_at
        return failed_at is not None and self._clock() - failed_at < _REST_S

    def _learn(self, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = self._ask(*args, **kwargs)
        except keystoneauth_exceptions.ConnectionError:
            self._failed_at = self._clock()
            raise
        except keystoneauth_exceptions.HttpError:
            self._failed_at = None
            raise
        self._failed_at = None
        return answer


class TokenCheck(auth_token.AuthProtocol):
    """keystonemiddleware's, which asks Keystone through AskingKeystone.

    :param most: requests that wait for Keystone at once
    """

    def __init__(self, behind: wsgi.WSGIApplication, conf: Mapping[str, Any], most: int) -> None:
        self._most = most
        super().__init__(behind, conf)

    def _create_session(self, **kwargs: Any) -> Any:
        made = super()._create_session(**kwargs)
        made.request = AskingKeystone(made.request, self._most)
        return made
