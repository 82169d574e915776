# SPDX-License-Identifier: Apache-2.0
import pytest

from nova_vnc.relay.engine import Engine
from nova_vnc.relay.relay import Timing
from tests.functional.relay.session import Session


@pytest.fixture
def start_engine():
    engines, failures = [], []

    def start(**timing: float | None) -> Engine:
        engine = Engine(Timing(**timing))
        engine.start(failures.append)
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        engine.stop()
    assert not failures


@pytest.fixture
def open_session(start_engine):
    """Return a function that opens a session, by default in an engine that all sessions of the test share."""
    sessions = []
    shared = []

    def open_one(engine=None, **arguments) -> Session:
        if engine is None:
            if not shared:
                shared.append(start_engine())
            engine = shared[0]
        sessions.append(Session(engine, **arguments))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()
