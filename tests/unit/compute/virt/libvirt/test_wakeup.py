# SPDX-License-Identifier: Apache-2.0
import threading
import time

from nova_vnc import concurrency
from nova_vnc.compute.virt.libvirt.wakeup import Wakeup

_LONG_S = 60


def test_a_native_thread_wakes_a_green_one():
    wakeup = Wakeup()
    woken = threading.Event()
    threading.Thread(target=lambda: (wakeup.wait(_LONG_S), woken.set()), daemon=True).start()
    concurrency.start_native_thread(wakeup.set, 'native')
    assert woken.wait(10)


def test_it_may_be_set_before_and_any_number_of_times():
    wakeup = Wakeup()
    for _ in range(1_000_000):
        wakeup.set()
    start = time.monotonic()
    wakeup.wait(_LONG_S)
    assert time.monotonic() - start < _LONG_S / 2
    wakeup.wait(0.01)
    wakeup.set()
    wakeup.wait(_LONG_S)
    assert time.monotonic() - start < _LONG_S / 2


def test_the_wait_is_bounded():
    Wakeup().wait(0.01)
