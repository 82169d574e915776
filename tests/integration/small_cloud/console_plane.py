# SPDX-License-Identifier: Apache-2.0
"""Our nova-consoleauth and nova-novncproxy, started by an operator on the nova.conf of the small cloud."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fixtures.part import Part
from tests.fixtures.process import ExternalProcess
from tests.integration.small_cloud.cloud import NOVNC, SmallCloud

_READY_TIMEOUT_S = 60


class ConsolePlane(Part):

    def __init__(self, cloud: SmallCloud, environment: dict[str, str]) -> None:
        self._cloud = cloud
        self._logged_before = ['', '']
        self.consoleauth = self._process('nova-consoleauth', environment)
        self.novncproxy = self._process('nova-novncproxy', environment, '--web', NOVNC)

    def _process(self, command: str, environment: dict[str, str], *arguments: str) -> ExternalProcess:
        return ExternalProcess(
            [Path(sys.executable).with_name(command), '--config-file', self._cloud.nova_conf, *arguments],
            self._cloud.directory, name=f'our-{command}', environment=environment)

    def start(self) -> None:
        self._logged_before = self._logs()
        for process in self.processes:
            process.start()
        wait_until_serving(self._cloud, self.novncproxy)

    @property
    def processes(self) -> tuple[ExternalProcess, ExternalProcess]:
        return self.consoleauth, self.novncproxy

    def output(self) -> str:
        """Return what both have written since the start: their logs, beside Nova's in log_dir, and all else."""
        logs = (log.removeprefix(before) for log, before in zip(self._logs(), self._logged_before, strict=True))
        return ''.join([*logs, *(process.output() for process in self.processes)])

    def _logs(self) -> list[str]:
        return [self._cloud.log('nova-consoleauth'), self._cloud.log('nova-novncproxy')]

    def close(self) -> None:
        for process in self.processes:
            process.close()


def novas_own_proxy(cloud: SmallCloud) -> ExternalProcess:
    """Return what an operator runs before and after ours, not started."""
    return cloud.nova_service('nova-novncproxy', '--web', NOVNC)


def wait_until_serving(cloud: SmallCloud, proxy: ExternalProcess) -> None:
    proxy.wait_until(lambda: cloud.proxy_port in proxy.listening_ports(), _READY_TIMEOUT_S, 'listens')
