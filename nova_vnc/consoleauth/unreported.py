# SPDX-License-Identifier: Apache-2.0
"""Consoles that are authorized here and will all be refused: those of VMs that nobody reports."""

from __future__ import annotations

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.consoleauth.directory.base import InstanceDirectory

LOG = logging.getLogger(__name__)


class Watch:
    """Says once that nova-consoleauth has the wrong directory for its cloud.

    Whoever authorizes a console found the VM in a directory of his own, as Nova's API does in Nova's database. Nothing
    is said of a directory that needs no reports.
    """

    def __init__(self, directory: InstanceDirectory) -> None:
        self._directory = directory
        self._is_due = True

    def authorized(self, instance_uuid: str) -> None:
        if not self._is_due:
            return
        try:
            directory = self._directory.reported()
            if directory is None or directory.get(instance_uuid) is not None:
                return
        except exception.StoreUnavailable:
            return          # said by db
        self._is_due = False
        LOG.warning('A console of instance %s was authorized, but no nova-vnc-compute has reported that VM. Every '
                    'console of such a VM will be refused. If Nova\'s own nova-compute runs the VMs here, set '
                    '[consoleauth]instance_directory = nova and [database]connection to the database of this cell; '
                    'otherwise see that nova-vnc-compute runs on each host, with this transport_url, and reports '
                    '([compute]report_instances). This is said once.', instance_uuid)
