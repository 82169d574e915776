# SPDX-License-Identifier: Apache-2.0
"""What devstack does with the small cloud once the plugin is enabled: the processes that the plugin asks for run."""

from __future__ import annotations

import shlex
import sys

from tests.fixtures.devstack import run_phases
from tests.fixtures.part import Part
from tests.fixtures.process import ExternalProcess
from tests.integration.small_cloud.cloud import NOVNC, SmallCloud


class Devstack(Part):
    """Its n-novnc is Nova's own proxy until the plugin has another one.

    :ivar processes: those that run, by devstack's names
    """

    def __init__(self, cloud: SmallCloud, environment: dict[str, str]) -> None:
        self._cloud = cloud
        self._environment = environment
        self.processes: dict[str, ExternalProcess] = {}

    def start(self) -> None:
        proxy = self._cloud.nova_service('nova-novncproxy', '--web', NOVNC)
        proxy.start()
        self.processes['n-novnc'] = proxy

    def phase(self, phase: str) -> None:
        """Run a phase of the plugin, such as 'stack extra', and do what it asks for."""
        for call in run_phases(phase, services='n-novnc,n-cauth', cells='singleconductor',
                               NOVA_CONF=str(self._cloud.nova_conf), NOVA_VNC_VENV=sys.prefix, NOVNC_WEB_DIR=NOVNC):
            function, name, *command = shlex.split(call)
            if function == 'run_process':
                process = ExternalProcess(command, self._cloud.directory, name=name, environment=self._environment)
                self.processes[name] = process
                process.start()
            else:
                assert function == 'stop_process', call
                self.processes.pop(name).terminate()

    def close(self) -> None:
        for process in self.processes.values():
            process.close()
