# SPDX-License-Identifier: Apache-2.0
"""Small good and bad services, run as processes by test_service."""
import os
import signal
import threading

from nova_vnc import exception, service, threads

WRONG_OPTION = '[vnc]novncproxy_port = 80: address already in use'
FAILURE = 'Somebody else answers for this host'


class Good:
    def start(self, fail):
        print('serving', flush=True)

    def stop(self, hurry):
        print('stopped', 'in a' if hurry.is_set() else 'without', 'hurry', flush=True)


class Stormy(Good):
    """One that is sent a storm of signals while it does what the first one asks for."""

    def __init__(self):
        self.actions = {signal.SIGHUP: self.read_again, signal.SIGUSR2: self.report}
        self._storms = 1

    def read_again(self):
        print('read again', flush=True)
        for _ in range(100 * self._storms):
            os.kill(os.getpid(), signal.SIGHUP)
        if self._storms:
            os.kill(os.getpid(), signal.SIGUSR2)
        self._storms = 0

    def report(self):
        print('reported', flush=True)


class Draining(Good):
    def stop(self, hurry):
        print('draining', flush=True)
        hurry.wait()
        print('hurried', flush=True)


class Misconfigured(Good):
    def start(self, fail):
        raise exception.ConfigurationError(reason=WRONG_OPTION)


class Failing(Good):
    def start(self, fail):
        threading.Thread(target=fail, args=(FAILURE,)).start()


class Forgetful(Good):
    """One that fails, and then cannot be stopped."""

    def start(self, fail):
        service._HURRIED_STOP_S = 0.1
        threading.Timer(0.1, fail, [FAILURE]).start()

    def stop(self, hurry):
        threading.Event().wait()


class FailingNatively(Good):
    """One whose failure comes from a thread of the operating system."""

    def start(self, fail):
        super().start(fail)
        threads.start_native('worker', lambda: None, fail)


class Loser(Good):
    """One that loses a thread of a library's."""

    def start(self, fail):
        super().start(fail)
        threading.Thread(target=lambda: [][0]).start()
