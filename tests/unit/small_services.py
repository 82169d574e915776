# SPDX-License-Identifier: Apache-2.0
"""Small good and bad services, run as processes by test_service."""
import threading

from nova_vnc import exception

WRONG_OPTION = '[vnc]novncproxy_port = 80: address already in use'
FAILURE = 'Somebody else answers for this host'


class Good:
    def start(self, fail):
        print('serving', flush=True)

    def stop(self, hurry):
        print('stopped', 'in a' if hurry.is_set() else 'without', 'hurry', flush=True)


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
