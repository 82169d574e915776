# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_vnc.novncproxy import open_files
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.echo_vnc_server import EchoVNCServer
from tests.fixtures.worker_proxy import WorkerProxy
from tests.functional.novncproxy.rig import VNCServerStandIn, echo


@pytest.fixture
def make_proxy(tmp_path: Path) -> Iterator[Callable[..., WorkerProxy]]:
    """Return what makes proxies, in directories of their own; parameters are those of WorkerProxy."""
    server = VNCServerStandIn(echo)
    made: list[WorkerProxy] = []

    def make(*arguments: str, vnc_port: int | None = None, **options: Any) -> WorkerProxy:
        directory = tmp_path / str(len(made))
        directory.mkdir()
        made.append(WorkerProxy(directory, vnc_port or server.port, *arguments, backend=concurrency_backend(),
                                **options))
        return made[-1]
    yield make
    for proxy in made:
        proxy.close()
    server.close()


@pytest.fixture
def vnc_server_for_many(tmp_path: Path) -> Iterator[EchoVNCServer]:
    """A process of its own, which as this one may have thousands of open files."""
    open_files.raise_limit()
    with EchoVNCServer(tmp_path) as server:
        yield server


@pytest.fixture
def proxy(make_proxy: Callable[..., WorkerProxy]) -> WorkerProxy:
    """Two workers that serve."""
    made = make_proxy()
    made.start()
    made.wait_until_ready()
    return made
