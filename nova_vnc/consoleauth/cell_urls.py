# SPDX-License-Identifier: Apache-2.0
"""The URLs of Nova's cell mappings, which may be templates that each service fills from options of its own.

`{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}#{fragment}` stands for the parts of
[database]connection or [DEFAULT]transport_url; of a transport with several hosts, {username1}, {password1}, {hostname1}
and {port1} are those of the first one, and so on (nova.objects.cell_mapping). Parts stay percent-encoded as they are.
"""

from __future__ import annotations

import string
from urllib import parse

from oslo_utils import netutils

from nova_vnc import exception

# The transport of cell0, which has the VMs that were never scheduled.
_NO_TRANSPORT = 'none'

_PARTS = frozenset({'scheme', 'username', 'password', 'hostname', 'port', 'path', 'query', 'fragment'})


def fill(url: str, option: str, value: str | None) -> str:
    """Return the URL of a mapping with the parts of an option in it.

    One with other names in braces than those above is no template, and stays as it is: a password may hold braces.

    :param option: how messages call it
    :raises ConfigurationError: the option lacks a part that the template needs; the message has no values
    """
    names = _names_in(url)
    if not names:
        return url
    if not {name.rstrip(string.digits) for name in names} <= _PARTS:
        return url
    parts = _parts_of(value, option) if value else {}
    lacking = sorted(name for name in names if parts.get(name) is None)
    if lacking:
        raise exception.ConfigurationError(
            reason=f'A cell mapping is a template that needs {", ".join(lacking)} of {option}, which '
                   + ('is not set' if not value else 'has none'))
    return url.format(**parts)


def has_transport(transport_url: str) -> bool:
    """Tell whether a cell has hosts: cell0, whose transport is none:///, has none."""
    return parse.urlsplit(transport_url).scheme != _NO_TRANSPORT


def _names_in(url: str) -> set[str]:
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(url)
                  if name is not None]
    except ValueError:
        return set()    # a single brace
    if not all(name.isidentifier() and not spec and not conversion for name, spec, conversion in fields):
        return set()
    return {name for name, _, _ in fields}


def _parts_of(value: str, option: str) -> dict[str, str | int | None]:
    try:
        url = parse.urlsplit(value)
        parts: dict[str, str | int | None] = {
            'scheme': url.scheme, 'username': url.username, 'password': url.password, 'hostname': url.hostname,
            'port': url.port, 'path': url.path.lstrip('/'), 'query': url.query, 'fragment': url.fragment}
        hosts = url.netloc.split(',')
        for number, host in enumerate(hosts if len(hosts) > 1 else [], 1):
            parts.update({f'{name}{number}': part for name, part in _parts_of_host(host).items()})
    except ValueError:
        raise exception.ConfigurationError(reason=f'{option} is not a URL that a cell mapping can take parts of') \
            from None
    return parts


def _parts_of_host(netloc: str) -> dict[str, str | int | None]:
    user, _, host = netloc.rpartition('@')
    username, separator, password = user.partition(':')
    hostname, port = netutils.parse_host_port(host)
    return {'username': username or None, 'password': password if separator else None, 'hostname': hostname,
            'port': port}
