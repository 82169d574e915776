# SPDX-License-Identifier: Apache-2.0
"""What crosses a border between services: frozen values, and the form they have on the wire.

A secret is left out of repr(), so that no log line can show it.
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping
from typing import Any

from nova_vnc import exception

CONSOLE_TYPE_NOVNC = 'novnc'

# Ours: of a VM whose host has not reported for long. The API shows the status UNKNOWN, as Nova does for a cell that is
# down.
VM_STATE_UNKNOWN = 'unknown'

# A version and a set of fields that Nova 17 and Nova 34 both deserialise (DESIGN section 4). Nova 17 needs the id to
# make up instance.name.
_INSTANCE_OBJECT_VERSION = '2.0'
_INSTANCE_FIELDS = ('id', 'uuid', 'host', 'display_name', 'vm_state', 'task_state', 'project_id', 'user_id')


_CANONICAL_UUID = re.compile('[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def normalize_uuid(value: object) -> str | None:
    """Return the canonical lower-case form with hyphens, or None for what is no uuid."""
    if not isinstance(value, str):
        return None
    if _CANONICAL_UUID.fullmatch(value):
        return value
    try:
        return str(uuid.UUID(value))
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True)
class InstanceRecord:
    """A VM as the instance directory knows it. Field names are those of Nova's Instance."""

    uuid: str
    id: int = 0
    name: str = ''                      # the hypervisor's name: instance-0000000c
    display_name: str = ''
    host: str | None = None             # [DEFAULT]host of its compute service
    project_id: str | None = None       # None: belongs to nobody, admin only
    user_id: str | None = None
    vm_state: str = 'active'            # Nova's: active, stopped, paused, suspended, error
    task_state: str | None = None
    # What Nova alone knows.
    locked: bool = False
    description: str | None = None
    tags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))     # dataclasses.asdict copies each value, at ten times the cost

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InstanceRecord:
        """Read the fields that this release knows and leave the others.

        :raises InvalidInput: no uuid, or one that is none
        """
        fields = {key: value for key, value in values.items() if key in cls.__dataclass_fields__}
        fields['uuid'] = normalize_uuid(fields.get('uuid'))
        if fields['uuid'] is None:
            raise exception.InvalidInput(reason='an instance without a uuid')
        return cls(**{**fields, 'tags': tuple(fields.get('tags') or ())})

    def to_primitive(self) -> dict[str, Any]:
        """Return the versioned-object primitive that Nova's compute managers accept."""
        return {'nova_object.name': 'Instance', 'nova_object.namespace': 'nova',
                'nova_object.version': _INSTANCE_OBJECT_VERSION,
                'nova_object.data': {name: getattr(self, name) for name in _INSTANCE_FIELDS}}


def instance_uuid_of(primitive: object) -> str:
    """Read the uuid out of an `instance` argument: a versioned-object primitive of any release.

    :raises InvalidInput: the argument has no uuid
    """
    data = primitive.get('nova_object.data') if isinstance(primitive, Mapping) else None
    found = normalize_uuid(data.get('uuid')) if isinstance(data, Mapping) else None
    if found is None:
        raise exception.InvalidInput(reason='the instance argument holds no uuid')
    return found


@dataclasses.dataclass(frozen=True)
class VNCServerAddress:
    """Where a VM's VNC server listens. The port is a string of digits, as libvirt and Nova have it."""

    host: str
    port: str
    internal_access_path: str | None = None


@dataclasses.dataclass(frozen=True)
class ConnectInfo:
    """What a token stands for; the dict that check_token returns in consoleauth 2.1."""

    token: str = dataclasses.field(repr=False)
    console_type: str
    host: str
    port: str
    instance_uuid: str
    internal_access_path: str | None = None
    access_url: str | None = dataclasses.field(default=None, repr=False)  # None: from a caller of 1.2 or 2.0
    last_activity_at: float | None = None                                 # unix seconds
    tls_port: int | None = None                                           # of spice-direct alone

    def to_dict(self) -> dict[str, Any]:
        """Return the dict of consoleauth 2.1, which knows no tls_port: it is there only where there is one."""
        fields = dataclasses.asdict(self)
        return fields if self.tls_port is not None else {key: fields[key] for key in fields if key != 'tls_port'}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ConnectInfo:
        """Read a check_token reply of ours or of a real nova-consoleauth.

        :raises InvalidConnectionInfo: host or port is missing or malformed. Only a console of another type than novnc
            may be without a port (spice-direct with TLS alone); it is '' then.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        fields = {key: value for key, value in values.items() if key in known}
        try:
            console_type = fields.setdefault('console_type', CONSOLE_TYPE_NOVNC)
            has_no_port = console_type != CONSOLE_TYPE_NOVNC and fields.get('port') is None
            fields['port'] = '' if has_no_port else check_port(fields['port'])
            fields.setdefault('token', '')
            info = cls(**fields)
        except (KeyError, TypeError, exception.InvalidInput):
            raise exception.InvalidConnectionInfo() from None
        if not isinstance(info.host, str) or not info.host:
            raise exception.InvalidConnectionInfo()
        return info


def check_port(port: object) -> str:
    """Return a TCP port, given as int or as digits, as digits.

    :raises InvalidInput: it is none
    """
    text = str(port) if isinstance(port, (int, str)) and not isinstance(port, bool) else ''
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise exception.InvalidInput(reason='the port of the console is not a TCP port')
    return str(int(text))


@dataclasses.dataclass(frozen=True)
class TokenCheck:
    """Answer of `nova_vnc` check_token: connect_info, or None and why.

    reason is one of the REASON_* below; it tells what the holder of the token may be told.
    """

    connect_info: ConnectInfo | None
    reason: str | None = None
    display_name: str | None = None
    expires: int | None = None          # unix seconds
    request_id: str | None = None       # of the request that asked for the console, where known

    def to_dict(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in ('reason', 'display_name', 'expires', 'request_id')}
        return {'connect_info': self.connect_info.to_dict() if self.connect_info else None, **fields}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TokenCheck:
        info = values.get('connect_info')
        return cls(ConnectInfo.from_dict(info) if info else None,
                   *(values.get(name) for name in ('reason', 'display_name', 'expires', 'request_id')))


REASON_INVALID = 'invalid'              # unknown or expired: the two are not told apart
REASON_NOT_READY = 'not_ready'          # the VM is not running
REASON_MOVED = 'moved'                  # the VM's console is at another host or port now
REASON_HOST_SILENT = 'host_silent'      # its compute host does not answer
REASON_UNAVAILABLE = 'unavailable'      # the token store cannot be read now
