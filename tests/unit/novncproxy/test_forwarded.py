# SPDX-License-Identifier: Apache-2.0
import ipaddress

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.header_fields import Fields

BALANCER, OUTER, CLIENT, STRANGER = '192.0.2.10', '192.0.2.20', '198.51.100.7', '203.0.113.9'
TRUSTED = TrustedProxies([ipaddress.ip_network('192.0.2.0/24'), ipaddress.ip_network('2001:db8:1::/64')])
ADDRESSES = st.one_of(st.ip_addresses().map(str), st.sampled_from([BALANCER, OUTER, CLIENT]))


def headers(*for_lines, proto=()):
    message = Fields()
    for line in for_lines:
        message.add('X-Forwarded-For', line)
    for line in proto:
        message.add('X-Forwarded-Proto', line)
    return message


def as_ipv4(host):
    address = ipaddress.ip_address(host.partition('%')[0])
    return getattr(address, 'ipv4_mapped', None) or address


def client_of(peer, *for_lines, proto=()):
    return TRUSTED.find_client(Client(peer, 4711), headers(*for_lines, proto=proto))


class TestTrustedProxies:

    @pytest.mark.parametrize('host', [BALANCER, '::ffff:192.0.2.10', '2001:db8:1::5', '2001:DB8:1:0::5'])
    def test_those_in_their_networks(self, host):
        assert host in TRUSTED

    @pytest.mark.parametrize('host', [CLIENT, '2001:db8:2::1', '', 'unknown', '192.0.2', '192.0.2.10:80'])
    def test_nobody_else(self, host):
        assert host not in TRUSTED

    def test_nobody_by_default(self):
        assert '127.0.0.1' not in TrustedProxies()

    def test_a_link_local_one(self):
        assert 'fe80::1%eth0' in TrustedProxies([ipaddress.ip_network('fe80::/10')])


class TestAddress:

    def test_of_a_stranger_is_his_own_whatever_he_says(self):
        assert client_of(STRANGER, CLIENT, proto=['https']) == Client(STRANGER, 4711)

    @pytest.mark.parametrize('lines', [
        [CLIENT], [f'{STRANGER}, {CLIENT}'], [STRANGER, CLIENT], [f'{CLIENT}, {OUTER}'], [CLIENT, OUTER],
        [f'forged,{STRANGER},{CLIENT} ,  {OUTER}'], [f'{CLIENT},{",".join([OUTER] * 14)}']])
    def test_is_the_last_one_that_is_no_load_balancer_s(self, lines):
        assert client_of(BALANCER, *lines) == Client(CLIENT)

    def test_is_told_with_a_port_by_some(self):
        assert client_of(BALANCER, '198.51.100.7:50000') == Client(CLIENT, 50000)
        assert client_of(BALANCER, '[2001:db8::7]:50000') == Client('2001:db8::7', 50000)
        assert client_of(BALANCER, '[2001:db8::7]') == Client('2001:db8::7')
        assert client_of(BALANCER, '2001:DB8:0::7') == Client('2001:db8::7')
        assert client_of(BALANCER, '::ffff:198.51.100.7') == Client(CLIENT)

    @pytest.mark.parametrize('garbage', [
        '', ',', 'unknown', '_hidden', '198.51.100.7:99999', '198.51.100', '[198.51.100.7]x', '"198.51.100.7"', 'a b'])
    def test_garbage_leaves_the_last_that_is_known(self, garbage):
        assert client_of(BALANCER, garbage).host == BALANCER
        assert client_of(BALANCER, f'{CLIENT}, {garbage}').host == BALANCER
        assert client_of(BALANCER, f'{garbage}, {OUTER}') == Client(OUTER)

    def test_a_load_balancer_that_tells_none_is_the_client(self):
        assert client_of(BALANCER) == Client(BALANCER, 4711)

    def test_all_of_them_trusted(self):
        assert client_of(BALANCER, f'192.0.2.99, {OUTER}') == Client('192.0.2.99')

    @hypothesis.given(st.text(st.characters(max_codepoint=0x7e, min_codepoint=0x20), max_size=80), ADDRESSES)
    def test_nobody_can_speak_for_another(self, forged, real):
        hypothesis.assume(real not in TRUSTED)
        assert ipaddress.ip_address(client_of(BALANCER, forged, real).host) == as_ipv4(real)

    @hypothesis.given(st.lists(st.text(max_size=60), max_size=4), st.lists(st.text(max_size=20), max_size=3))
    def test_is_always_an_address(self, lines, proto):
        message = Fields()
        for name, values in (('X-Forwarded-For', lines), ('X-Forwarded-Proto', proto)):
            for value in values:
                message.add(name, value.replace('\n', '').replace('\r', ''))
        assert ipaddress.ip_address(TRUSTED.find_client(Client(BALANCER, 1), message).host)


class TestScheme:

    @pytest.mark.parametrize(('for_lines', 'proto', 'scheme'), [
        ([CLIENT], ['https'], 'https'),
        ([CLIENT], ['HTTPS '], 'https'),
        ([CLIENT], ['http, https'], 'https'),                   # the client's own, and the load balancer's behind it
        ([CLIENT], ['http', 'https'], 'https'),
        ([f'{CLIENT}, {OUTER}'], ['https, http'], 'https'),     # TLS ends at the outer one
        ([f'{CLIENT}, {OUTER}'], ['http, https, http'], 'https'),
        ([f'{CLIENT}, {OUTER}'], ['https'], 'https'),           # and the inner one does not touch the header
        ([], ['https'], 'https'),
        ([CLIENT], [], None),
        ([CLIENT], [''], None),
        ([CLIENT], ['ht tp'], None),
        ([CLIENT], ['"https"'], None),
        ([CLIENT], ['h' * 20], None)])
    def test_is_the_one_that_the_outermost_trusted_one_tells(self, for_lines, proto, scheme):
        assert client_of(BALANCER, *for_lines, proto=proto).scheme == scheme

    def test_that_the_connection_told_is_kept_where_headers_tell_none(self):
        assert TRUSTED.find_client(Client(BALANCER, 1, 'https'), headers()).scheme == 'https'


@pytest.mark.parametrize(('client', 'shown'), [
    (Client('192.0.2.1'), '192.0.2.1'), (Client('192.0.2.1', 80), '192.0.2.1:80'),
    (Client('2001:db8::1'), '2001:db8::1'), (Client('2001:db8::1', 80), '[2001:db8::1]:80')])
def test_in_a_log_line(client, shown):
    assert str(client) == shown
