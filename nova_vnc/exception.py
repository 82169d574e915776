# SPDX-License-Identifier: Apache-2.0
"""The errors that cross the borders between services, under Nova's names where Nova has one.

NovaVNCError
 +-- ConsoleTypeInvalid            the console type has no meaning here
 +-- ConsoleTypeUnavailable        the VM has no VNC graphics, or VNC is disabled on its host
 +-- InstanceNotFound              nobody knows the VM
 +-- InstanceNotReady              the VM is not running
 +-- InstanceInvalidState          the VM is being deleted or migrated
 +-- InvalidConnectionInfo         stored or received connect_info cannot be used
 +-- TokenInUse                    the token is taken by other data
 +-- InvalidInput                  an argument of a call is malformed
 +-- MarkerNotFound                a page was asked for behind an entry that is not there
 +-- ServiceUnavailable            another service did not answer in time
 |    +-- HostSilent               a compute service has just not answered, so it is not asked now
 |    +-- HypervisorUnavailable    a compute service answered that it cannot ask its hypervisor
 +-- StoreUnavailable              the database cannot be used now
 +-- ConfigurationError            an option has a value that the service cannot start with
"""

from __future__ import annotations


class NovaVNCError(Exception):
    """Base of all. A subclass gives the text; its arguments are kept as attributes."""

    msg_fmt = 'An unknown error occurred.'

    def __init__(self, message: str | None = None, **kwargs: object) -> None:
        self.kwargs = kwargs
        self.message = message if message is not None else self.msg_fmt % kwargs
        super().__init__(self.message)


class ConsoleTypeInvalid(NovaVNCError):
    msg_fmt = 'Invalid console type %(console_type)s'


class ConsoleTypeUnavailable(NovaVNCError):
    msg_fmt = 'Unavailable console type %(console_type)s.'


class InstanceNotFound(NovaVNCError):
    msg_fmt = 'Instance %(instance_id)s could not be found.'


class InstanceNotReady(NovaVNCError):
    msg_fmt = 'Instance %(instance_id)s is not ready'


class InstanceInvalidState(NovaVNCError):
    msg_fmt = 'Instance %(instance_uuid)s in %(attr)s %(state)s. Cannot %(method)s while the instance is in this state.'


class InvalidConnectionInfo(NovaVNCError):
    msg_fmt = 'Invalid connection info'


class TokenInUse(NovaVNCError):
    msg_fmt = 'The console token is in use by other connection data.'


class InvalidInput(NovaVNCError):
    msg_fmt = 'Invalid input: %(reason)s'


class MarkerNotFound(NovaVNCError):
    msg_fmt = 'Marker %(marker)s could not be found.'


class ServiceUnavailable(NovaVNCError):
    msg_fmt = 'The %(service)s service is not available.'


class HostSilent(ServiceUnavailable):
    """:param host: for the log; the text does not name it"""

    msg_fmt = 'The %(service)s service of the host has not answered just now.'

    def __init__(self, message: str | None = None, **kwargs: object) -> None:
        super().__init__(message, service='compute', **kwargs)


class HypervisorUnavailable(ServiceUnavailable):
    msg_fmt = 'The hypervisor of the compute host cannot be reached.'

    def __init__(self, message: str | None = None, **kwargs: object) -> None:
        super().__init__(message, service='compute', **kwargs)


class StoreUnavailable(NovaVNCError):
    msg_fmt = 'The database is not available: %(reason)s'


class ConfigurationError(NovaVNCError):
    msg_fmt = '%(reason)s'


# What a server may raise in an answer without it being a fault of the server. They travel under these names and
# module, and rpc.transport lets a client of ours turn them into these classes again; Nova's own clients see the names.
RPC_ERRORS: tuple[type[NovaVNCError], ...] = (
    ConsoleTypeInvalid, ConsoleTypeUnavailable, InstanceNotFound, InstanceNotReady, InvalidConnectionInfo, TokenInUse,
    InvalidInput, MarkerNotFound, HostSilent, HypervisorUnavailable, StoreUnavailable)
