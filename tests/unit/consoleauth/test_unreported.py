# SPDX-License-Identifier: Apache-2.0
import logging

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth.unreported import Watch

KNOWN = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
UNKNOWN = '5f1b2a53-7f0b-4a4a-9d7e-2f3f0c2ad1c9'


class Directory:
    asked = 0
    is_away = False
    is_reported = True

    def reported(self):
        return self if self.is_reported else None

    def get(self, uuid):
        self.asked += 1
        if self.is_away:
            raise exception.StoreUnavailable(reason='locked')
        return object() if uuid == KNOWN else None


def test_it_is_said_once(caplog):
    directory = Directory()
    watch = Watch(directory)
    for uuid in (KNOWN, UNKNOWN, UNKNOWN, KNOWN):
        watch.authorized(uuid)
    said, = caplog.records
    assert said.levelno == logging.WARNING
    assert all(words in said.getMessage() for words in (
        UNKNOWN, 'Every console of such a VM will be refused', '[consoleauth]instance_directory', 'nova-vnc-compute'))
    assert directory.asked == 2


@pytest.mark.parametrize(('is_reported', 'is_away'), [(True, True), (False, False)])
def test_nothing_is_said(caplog, is_reported, is_away):
    directory = Directory()
    directory.is_away, directory.is_reported = is_away, is_reported
    Watch(directory).authorized(UNKNOWN)
    assert not caplog.records
