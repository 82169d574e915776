# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.worker_proxy import WorkerProxy
from tests.functional.novncproxy.rig import VNCServerStandIn, echo


@pytest.fixture
def make_proxy(tmp_path: Path) -> Iterator[Callable[..., WorkerProxy]]:
    """Return what makes proxies, in directories of their own; parameters are those of WorkerProxy."""
    server = VNCServerStandIn(echo)
    made: list[WorkerProxy] = []

    def make(*arguments: str, **options: Any) -> WorkerProxy:
        directory = tmp_path / str(len(made))
        directory.mkdir()
        made.append(WorkerProxy(directory, server.port, *arguments, backend=concurrency_backend(), **options))
        return made[-1]
    yield make
    for proxy in made:
        proxy.close()
    server.close()


@pytest.fixture
def proxy(make_proxy: Callable[..., WorkerProxy]) -> WorkerProxy:
    """Two workers that serve."""
    made = make_proxy()
    made.start()
    made.wait_until_ready()
    return made
