# SPDX-License-Identifier: Apache-2.0
"""What all parts of a pipeline of WSGI applications have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Middleware = Callable[[WSGIApplication], WSGIApplication]


class At:
    """One path leads to an application of its own, and all others to the next one.

    :param build: makes the one from the other, so that it can hand a request on
    """

    def __init__(self, path: str, build: Middleware, application: WSGIApplication) -> None:
        self._path = path
        self._there = build(application)
        self._next = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        application = self._there if environ.get('PATH_INFO') == self._path else self._next
        return application(environ, start_response)


class Below:
    """Whatever is below one path passes a middleware, and all else does not; neither does the path itself.

    :param prefix: ends with a slash
    """

    def __init__(self, prefix: str, wrap: Middleware, application: WSGIApplication) -> None:
        self._prefix = prefix
        self._wrapped = wrap(application)
        self._bare = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get('PATH_INFO', '')
        is_below = path.startswith(self._prefix) and path != self._prefix
        return (self._wrapped if is_below else self._bare)(environ, start_response)


def pipeline(middleware: Iterable[Middleware], application: WSGIApplication) -> WSGIApplication:
    """:param middleware: what a request meets first comes first"""
    for wrap in reversed(list(middleware)):
        application = wrap(application)
    return application
