# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc import exception
from nova_vnc.api import auth, factory
from tests.fixtures.bus import in_process_bus
from tests.fixtures.services import DirectCaller


@pytest.fixture
def bus():
    with in_process_bus() as made:
        yield made


def test_keystone_is_not_there_yet(bus):
    with pytest.raises(exception.ConfigurationError) as caught:
        factory.build_service(bus.conf, bus.transport)
    assert '[api]auth_strategy = keystone' in caught.value.message
    assert '\n' not in caught.value.message


def test_a_callers_own_authentication_comes_before_the_option(bus):
    assert factory.build_app(bus.conf, DirectCaller({}), auth.FixedToken('x', ['localhost']))


def test_an_unknown_release_among_the_upgrade_levels(bus):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    bus.conf.set_override('compute', '3.0', 'upgrade_levels')
    with pytest.raises(exception.ConfigurationError):
        factory.build_app(bus.conf, DirectCaller({}))


@pytest.mark.parametrize(('option', 'value'), [('compute', 'bananas'), ('consoleauth', '1.1')])
def test_a_bad_upgrade_level_is_one_line(bus, option, value):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    bus.conf.set_override(option, value, 'upgrade_levels')
    with pytest.raises(exception.ConfigurationError, match=rf'\[upgrade_levels\]{option} = {value}') as caught:
        factory.build_app(bus.conf, DirectCaller({}))
    assert '\n' not in caught.value.message


@pytest.mark.parametrize(('address', 'warned'), [('127.0.0.1', False), ('::1', False), ('localhost', False),
                                                 ('0.0.0.0', True), ('::', True), ('api.example', True)])
def test_noauth2_on_an_address_that_others_reach_is_warned_of(bus, caplog, address, warned):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    bus.conf.set_override('osapi_compute_listen', address)
    factory.build_service(bus.conf, bus.transport)
    assert ('noauth2 believes everybody' in caplog.text) is warned
