# SPDX-License-Identifier: Apache-2.0
import os
import threading

import pytest

from nova_vnc.compute.virt.libvirt.native_calls import NativeCalls
from tests.fixtures.polling import wait_until


class Hanging:
    """A function that blocks in the kernel until it is released, as C code does."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self.begun = 0

    def __call__(self) -> str:
        self.begun += 1
        with open(self._reader, 'rb', buffering=0, closefd=False) as pipe:
            pipe.read(1)
        return 'released'

    def release(self, times: int) -> None:
        os.write(self._writer, b'x' * times)


@pytest.fixture
def hanging():
    function = Hanging()
    yield function
    function.release(10)


def test_the_result_or_the_error_comes_back():
    calls = NativeCalls(1)
    assert calls.run(lambda: 'result', 10) == 'result'
    with pytest.raises(ZeroDivisionError):
        calls.run(lambda: 1 // 0, 10)
    assert calls.run(lambda: 'result', 10) == 'result'


def test_nobody_waits_longer_than_he_wants_and_few_calls_hang(hanging):
    calls = NativeCalls(2)
    for _ in range(4):
        with pytest.raises(TimeoutError):
            calls.run(hanging, 0.05)
    assert hanging.begun == 2


def test_places_are_free_again_once_calls_have_ended(hanging):
    calls = NativeCalls(1)
    with pytest.raises(TimeoutError):
        calls.run(hanging, 0.05)
    hanging.release(1)
    assert calls.run(lambda: 'next', 10) == 'next'


def test_others_go_on_meanwhile(hanging):
    calls = NativeCalls(2)
    results = []
    thread = threading.Thread(target=lambda: results.append(calls.run(hanging, 10)))
    thread.start()
    wait_until(lambda: hanging.begun, 10, 'the call to begin')
    assert calls.run(lambda: 'other', 10) == 'other'
    hanging.release(1)
    thread.join(10)
    assert results == ['released']
