# SPDX-License-Identifier: Apache-2.0
"""Asking nova-consoleauth what tokens stand for, so that those of one VM or host do not keep others waiting.

A check waits for as long as the VM's host does not answer, shortly with a nova-consoleauth of ours, up to
token_check_timeout with Nova's. Waiting holds a place here, and a thread in nova-consoleauth.

Checks at once share messages, as far as nova-consoleauth knows what of them at once. What it does not know, since a
host has yet to answer, is asked alone, so that it keeps nobody else waiting.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator, Sequence
from concurrent import futures

import cachetools

from nova_vnc import exception, objects
from nova_vnc.context import RequestContext
from nova_vnc.net.ceiling import Ceiling
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import consoleauth
from nova_vnc.rpc.caller import NoAnswer, NotAsked
from nova_vnc.rpc.expiring import ExpiringSet
from nova_vnc.rpc.gathering import Gathering
from nova_vnc.rpc.shared_calls import SharedCalls

# Checks at once of tokens whose last check was not answered. Nova's nova-consoleauth holds a thread for a minute for
# each of them, after we have given up.
_MAX_RETRIES = 8
_REMEMBER_UNANSWERED_S = 60.0

# Of which host a token was. Tokens live for [consoleauth]token_ttl, 10 minutes.
_REMEMBER_HOST_S = 600.0
_MAX_HOSTS = 10_000

# A message for several tokens is answered within a few tenths of a second: nova-consoleauth waits for no host longer
# than that. One that is not has met something that hangs, and each token has its chance to go elsewhere.
_MESSAGE_TIMEOUT_S = 2.0


def build_places(most: int) -> Ceiling:
    """Return the places of checks under way: half of them at most for the tokens of one host, and a quarter for those
    that have none yet."""
    return Ceiling(total=most, each=max(most // 2, 1), reserved=most // 4)


class TokenChecks:
    """Thread-safe.

    :param timeout_s: of each check in all
    :param places: of the checks under way
    """

    def __init__(self, consoleauth_api: consoleauth.ConsoleAuthAPI, timeout_s: float, places: Ceiling,
                 max_retries: int = _MAX_RETRIES) -> None:
        self._consoleauth_api = consoleauth_api
        self._timeout_s = timeout_s
        self._places = places
        self._calls: SharedCalls[objects.TokenCheck] = SharedCalls()
        self._gathering: Gathering[tuple[RequestContext, str], objects.TokenCheck] = Gathering(
            self._ask_together, consoleauth.MAX_CHECKS)
        self._unanswered = ExpiringSet(_REMEMBER_UNANSWERED_S)
        self._retries = threading.BoundedSemaphore(max_retries)
        self._hosts: cachetools.TTLCache[str, str] = cachetools.TTLCache(_MAX_HOSTS, _REMEMBER_HOST_S)
        self._hosts_lock = threading.Lock()

    def check(self, ctxt: RequestContext, token: str) -> objects.TokenCheck:
        """As ConsoleAuthAPI.check_token; equal checks under way at once share one answer.

        :raises Crowded: no place is left, or none for this token's host
        """
        deadline = Deadline(self._timeout_s)
        try:
            return self._calls.ask(token, functools.partial(self._ask, ctxt, token, deadline), self._timeout_s)
        except futures.TimeoutError:
            raise exception.ServiceUnavailable(service=consoleauth.TOPIC) from None

    def _ask(self, ctxt: RequestContext, token: str, deadline: Deadline) -> objects.TokenCheck:
        with self._turn(token, deadline), self._places.place(self._host_of(token)):
            try:
                check = self._ask_with_others(ctxt, token, deadline) or \
                    self._consoleauth_api.check_token(ctxt, token, deadline)
            except NoAnswer:
                self._unanswered.add(token)
                raise
        self._unanswered.discard(token)
        if check.connect_info:
            with self._hosts_lock:
                self._hosts[token] = check.connect_info.host
        return check

    def _ask_with_others(self, ctxt: RequestContext, token: str, deadline: Deadline) -> objects.TokenCheck | None:
        """Return None where the token is to be asked for alone."""
        if token in self._unanswered or not self._consoleauth_api.may_check_tokens():
            return None
        return self._gathering.ask((ctxt, token), deadline)

    def _ask_together(self, checks: Sequence[tuple[RequestContext, str]]) -> Sequence[objects.TokenCheck | None]:
        return self._consoleauth_api.check_tokens(checks, Deadline(min(_MESSAGE_TIMEOUT_S, self._timeout_s / 4)))

    @contextlib.contextmanager
    def _turn(self, token: str, deadline: Deadline) -> Iterator[None]:
        """Let a token that was not answered wait until few others are asked again."""
        if token not in self._unanswered:
            yield
            return
        if not self._retries.acquire(timeout=deadline.remaining()):
            raise NotAsked(service=consoleauth.TOPIC)
        try:
            yield
        finally:
            self._retries.release()

    def _host_of(self, token: str) -> tuple[str, str]:
        """Return whose place the check takes: its host's, where that is known, or its own."""
        with self._hosts_lock:
            host = self._hosts.get(token)
        return ('host', host) if host else ('token', token)
