# SPDX-License-Identifier: Apache-2.0
import oslo_messaging
import pytest

from nova_vnc import exception
from nova_vnc.rpc import errors


def raising(error):
    @errors.expected
    def method():
        raise error
    return method


@pytest.mark.parametrize('cls', exception.RPC_ERRORS)
def test_an_expected_failure_travels_under_novas_name(cls):
    with pytest.raises(oslo_messaging.ExpectedException) as caught:
        raising(cls('what broke'))()
    sent = caught.value.exc_info[1]
    assert (type(sent).__module__, type(sent).__name__) == ('nova.exception', cls.__name__)
    remote = oslo_messaging.RemoteError(cls.__name__, 'what broke')
    for received in (sent, remote):
        ours = errors.translate(received)
        assert type(ours) is cls
        assert str(ours) == 'what broke'


def test_other_failures_stay_what_they_are():
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())()
    assert errors.translate(oslo_messaging.RemoteError('KeyError', 'x')) is None


@pytest.mark.parametrize('name', ['UnsupportedVersion', 'NoSuchMethod'])
def test_unknown_method(name):
    assert errors.is_unknown_method(oslo_messaging.RemoteError(name, ''))
    assert not errors.is_unknown_method(oslo_messaging.RemoteError('InstanceNotFound', ''))
