# SPDX-License-Identifier: Apache-2.0
"""A request as the handlers see it."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

import webob

from nova_vnc.api import console_plane, faults, policy, request_id
from nova_vnc.api.microversion import Microversion
from nova_vnc.context import RequestContext
from nova_vnc.net.deadline import Deadline

# nova.api.openstack.wsgi: the two that name JSON, and what a client sends that thinks of no type.
_JSON_TYPES = ('application/json', 'application/vnd.openstack.compute+json', 'text/plain', '')


@dataclasses.dataclass
class ApiRequest:
    """One request on its way; `microversion` and `project_in_url` are known once its URL is."""

    http: webob.Request
    ids: request_id.RequestIds
    context: RequestContext
    plane: console_plane.ConsolePlane
    rights: policy.Policy
    page_limit: int                                         # most entries of a page
    timeout_s: float                                        # how long other services have, all calls taken together
    max_body_bytes: int
    microversion: Microversion | None = None   # None: the URL has none
    project_in_url: str | None = None

    @functools.cached_property
    def deadline(self) -> Deadline:
        """When the answer is due. It is set with the first use, which a client's slow body comes before."""
        return Deadline(self.timeout_s)

    @property
    def version(self) -> Microversion:
        """The microversion, where the URL has one; all but the list of versions do."""
        if self.microversion is None:
            raise ValueError('no microversion here')
        return self.microversion

    @property
    def base_url(self) -> str:
        """The address of this API as the client used it, without a version or a slash at the end."""
        return self.http.application_url.rstrip('/')

    def authorize(self, rule: str, project_id: str | None = None) -> None:
        """See can().

        :raises Refusal: 403
        """
        self.rights.authorize(self.context, rule, _target(project_id))

    def can(self, rule: str, project_id: str | None = None) -> bool:
        """Tell whether the rule lets who asks do this.

        :param project_id: of what it is done to; None: his own
        """
        return self.rights.allows(self.context, rule, _target(project_id))

    def query(self) -> dict[str, list[str]]:
        """Return the arguments of the query; each may be repeated.

        :raises Refusal: 400
        """
        try:
            return self.http.GET.dict_of_lists()
        except UnicodeDecodeError:
            raise faults.Refusal(400, 'Query string is not UTF-8 encoded') from None

    def body(self) -> Any:
        """Return the decoded JSON of the body; None where there is no body.

        :raises Refusal: 400, 413, 415
        """
        if self.http.content_type not in _JSON_TYPES:
            raise faults.Refusal(415, 'Unsupported Content-Type')
        raw = self._read_body()
        if not raw:
            return None
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise faults.Refusal(400, 'Malformed request body') from None

    def _read_body(self) -> bytes:
        length = self.http.content_length or 0
        if length < 0:
            raise faults.Refusal(400, 'Malformed Content-Length')
        if length > self.max_body_bytes:
            raise self._too_large()
        if not self.http.is_body_readable:
            return b''
        try:
            raw = self.http.body_file.read(self.max_body_bytes + 1)
        except OSError:     # the client has gone, or has gone silent
            raise faults.Refusal(400, 'The request body is incomplete') from None
        if len(raw) > self.max_body_bytes:
            raise self._too_large()
        return raw

    def _too_large(self) -> faults.Refusal:
        return faults.Refusal(413, f'Request is too large. Larger than {self.max_body_bytes} bytes.')


def _target(project_id: str | None) -> policy.Target | None:
    return None if project_id is None else {'project_id': project_id}
