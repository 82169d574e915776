# SPDX-License-Identifier: Apache-2.0
"""The interface of an instance directory."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence

from nova_vnc import objects
from nova_vnc.consoleauth import resources


@dataclasses.dataclass(frozen=True)
class Entry:
    """A VM, and whether its host has gone silent.

    Its vm_state is VM_STATE_UNKNOWN when that is so long ago that nobody knows.

    :ivar cell: uuid of the cell of Nova's whose message bus its host is on; None: on our own
    """

    instance: objects.InstanceRecord
    host_is_silent: bool = False
    cell: str | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """One message of a host's report of all its VMs; the others may come before it or after it, or twice."""

    host: str
    number: int                                     # the greater, the newer
    total: int                                      # VMs in all messages of this report
    instances: Sequence[objects.InstanceRecord]


@dataclasses.dataclass(frozen=True)
class HostState:
    """A compute host as the operator sees it."""

    host: str
    last_report_at: float       # unix seconds
    instances: int              # VMs that it holds
    is_silent: bool
    is_unknown: bool


class InstanceDirectory(abc.ABC):
    """Knows the VMs; for several processes of nova-consoleauth at once, over restarts; thread-safe.

    Every method raises StoreUnavailable when what it is kept in cannot be used now, within a few seconds.
    tests/unit/consoleauth/directory/test_contract.py runs on every driver.
    """

    @classmethod
    @abc.abstractmethod
    def build(cls, parts: resources.Resources) -> InstanceDirectory:
        """Make the directory that the options ask for; nothing is connected yet.

        :raises ConfigurationError: the options do not fit this driver
        """

    @abc.abstractmethod
    def get(self, instance_uuid: str) -> Entry | None:
        """Return a VM by its canonical uuid."""

    def get_many(self, uuids: Sequence[str]) -> Mapping[str, Entry | None]:
        """As get(), of several VMs. Those of which it cannot be told now are missing in the answer."""
        return {uuid: self.get(uuid) for uuid in uuids}

    @abc.abstractmethod
    def page(self, project_id: str | None, name: str | None, limit: int, marker: str | None) -> Sequence[Entry]:
        """Return a page, ordered by uuid.

        :param project_id: only this project's; None: all
        :param name: only those whose display name fits; see name_filter
        :param marker: uuid of the last entry of the page before
        :raises MarkerNotFound: no such entry, or one of another project
        """

    def reported(self) -> ReportedDirectory | None:
        """Return the directory itself if it needs the reports of compute hosts, and what the operator says."""
        return None


class ReportedDirectory(InstanceDirectory):
    """Knows what compute hosts report, and believes the operator more than them."""

    def reported(self) -> ReportedDirectory:
        return self

    @abc.abstractmethod
    def report(self, report: Report) -> None:
        """Learn what a compute host has."""

    @abc.abstractmethod
    def set_owner(self, instance_uuid: str, project_id: str, user_id: str | None) -> bool:
        """Let a VM belong to them, whatever hosts say; return whether any host has it already."""

    @abc.abstractmethod
    def unset_owner(self, instance_uuid: str) -> bool:
        """Undo set_owner(); return whether there was an owner set."""

    @abc.abstractmethod
    def set_host(self, instance_uuid: str, host: str) -> None:
        """Let a VM be on this host, by the operator's word, until the host lets it go or another one takes it over.

        What others say of it now does not count until they have stopped saying so.

        :raises InvalidInput: the host does not report the VM
        """

    @abc.abstractmethod
    def hosts(self) -> Sequence[HostState]:
        """Return all hosts that have reported, ordered by name."""

    @abc.abstractmethod
    def forget_host(self, host: str) -> int:
        """Forget a host and what it reported, and return how many VMs that was. It may report again.

        :raises InvalidInput: no such host
        """
