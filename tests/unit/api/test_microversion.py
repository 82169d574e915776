# SPDX-License-Identifier: Apache-2.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.api import faults, microversion
from nova_vnc.api.microversion import MAX, MIN, Microversion


@pytest.mark.parametrize(('headers', 'expected'), [
    ({}, MIN),
    ({'OpenStack-API-Version': 'compute 2.30'}, Microversion(2, 30)),
    ({'OpenStack-API-Version': 'Compute  2.30'}, Microversion(2, 30)),
    ({'OpenStack-API-Version': 'volume 3.1, compute 2.50'}, Microversion(2, 50)),
    ({'OpenStack-API-Version': 'volume 3.1'}, MIN),
    ({'OpenStack-API-Version': 'compute latest'}, MAX),
    ({'X-OpenStack-Nova-API-Version': '2.7'}, Microversion(2, 7)),
    ({'X-OpenStack-Nova-API-Version': 'latest'}, MAX),
    ({'OpenStack-API-Version': 'compute 2.9', 'X-OpenStack-Nova-API-Version': '2.7'}, Microversion(2, 9)),
    ({'OpenStack-API-Version': 'compute'}, MIN),
])
def test_which_version_the_headers_ask_for(headers, expected):
    lowered = {name.lower(): value for name, value in headers.items()}
    assert microversion.requested(lowered) == expected


@pytest.mark.parametrize('text', ['', '2', '2.', '.1', '2.01', '02.1', '2.1.1', '2.x', ' 2.1', '2.1\n', '-2.1',
                                  '2.' + '9' * 5000, '2.\N{ARABIC-INDIC DIGIT ONE}'])
def test_what_is_no_version(text):
    with pytest.raises(faults.Refusal) as caught:
        microversion.parse(text)
    assert caught.value.status == 400


@given(st.integers(1, 999999999), st.integers(0, 999999999))
def test_a_version_is_read_as_it_is_written(major, minor):
    version = Microversion(major, minor)
    assert microversion.parse(str(version)) == version


@pytest.mark.parametrize('version', [Microversion(2, 0), Microversion(1, 999), Microversion(2, 47),
                                     Microversion(2, 104), Microversion(3, 1)])
def test_outside_of_what_is_offered(version):
    with pytest.raises(faults.Refusal) as caught:
        microversion.check_offered(version)
    assert caught.value.status == 406
    assert caught.value.message == (
        f'Version {version} is not supported by the API. Minimum is 2.1 and maximum is 2.46.')


@pytest.mark.parametrize('version', [MIN, Microversion(2, 31), MAX])
def test_what_is_offered(version):
    microversion.check_offered(version)


def test_versions_are_compared_as_numbers():
    assert Microversion(2, 9) < Microversion(2, 10) < Microversion(2, 100)


class Request:
    def __init__(self, version):
        self.version = microversion.parse(version)


def test_a_handler_is_reached_in_its_versions_only():
    @microversion.available('2.6', '2.9')
    def handler(request, word):
        return word

    assert handler(Request('2.6'), word='x') == 'x'
    assert handler(Request('2.9'), word='x') == 'x'
    for version in ('2.5', '2.10'):
        with pytest.raises(faults.Refusal) as caught:
            handler(Request(version), word='x')
        assert caught.value.status == 404


def test_the_newest_entry_that_is_old_enough_is_picked():
    by_version = {Microversion(2, 1): 'a', Microversion(2, 8): 'b', Microversion(2, 31): 'c'}
    assert [microversion.pick(by_version, microversion.parse(text)) for text in ('2.1', '2.7', '2.8', '2.46')] == [
        'a', 'a', 'b', 'c']
