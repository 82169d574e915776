# SPDX-License-Identifier: Apache-2.0

import logging

import pytest
import webob
from oslo_context import context as oslo_context

from nova_vnc import exception
from nova_vnc.api import auth, factory
from nova_vnc.context import RequestContext
from nova_vnc.rpc import transport
from tests.fixtures.bus import in_process_bus, new_conf
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.services import DirectCaller


@pytest.fixture
def bus():
    with in_process_bus() as made:
        yield made


def keystone_conf(tmp_path, text):
    path = tmp_path / 'nova.conf'
    path.write_text(f'[keystone_authtoken]\n{text}')
    return new_conf(path)


@pytest.mark.parametrize(('text', 'words'), [
    ('', '[api]auth_strategy = keystone needs [keystone_authtoken]auth_type'),
    ('auth_type = nonsense', '[keystone_authtoken]: The plugin nonsense could not be found'),
    ('auth_type = password', '[keystone_authtoken]: Auth plugin requires parameters which were not given: auth_url'),
    ('auth_type = none\nmemcached_servers = 127.0.0.1:1\nmemcache_security_strategy = ENCRYPT',
     '[keystone_authtoken]: memcache_secret_key must be defined')])
def test_what_keystone_needs_is_said_in_one_line(tmp_path, text, words):
    with pytest.raises(exception.ConfigurationError) as caught:
        factory.build_app(keystone_conf(tmp_path, text), DirectCaller({}))
    assert words in str(caught.value)
    assert '\n' not in str(caught.value).strip()


def test_keystone_without_a_keystone(tmp_path):
    app = factory.build_app(keystone_conf(tmp_path, 'auth_type = password\nauth_url = http://127.0.0.1:1/\n'
                                                    'username = nova\npassword = x\nhttp_request_max_retries = 0'),
                            DirectCaller({}))

    def get(path, **headers):
        return webob.Request.blank(path, headers=headers).get_response(app)
    # What is public needs none, whatever it is sent.
    for path in ('/', '/v2.1', '/v2.1/', '/healthcheck'):
        assert get(path, **{'X-Auth-Token': 'x'}).status_int == 200
    assert get('/v2.1/servers', **{'X-Auth-Token': 'x'}).status_int == 503
    # Nobody is whom he says he is in headers that are the middleware's.
    claims = {'X-Identity-Status': 'Confirmed', 'X-User-Id': 'root', 'X-Roles': 'admin', 'X-Project-Id': 'p'}
    refused = get('/v2.1/servers', **claims)
    assert refused.status_int == 401
    assert refused.headers['WWW-Authenticate'] == 'Keystone uri="http://127.0.0.1:1/"'
    assert 'X-OpenStack-Request-ID' in refused.headers
    assert auth.Keystone().identify(webob.Request.blank('/v2.1/', headers=claims)) is None


def test_a_callers_own_authentication_comes_before_the_option(bus):
    assert factory.build_app(bus.conf, DirectCaller({}), auth.FixedToken('x', ['localhost']))


def test_an_unknown_release_among_the_upgrade_levels(bus):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    bus.conf.set_override('compute', '3.0', 'upgrade_levels')
    with pytest.raises(exception.ConfigurationError):
        factory.build_app(bus.conf, DirectCaller({}))


def address_of(bus):
    built = factory.build_service(bus.conf, bus.transport)
    return built.host, built.port


def test_it_listens_where_the_options_say(bus):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    bus.conf.set_override('osapi_compute_listen', '192.0.2.1')
    bus.conf.set_override('osapi_compute_listen_port', 18774)
    assert address_of(bus) == ('192.0.2.1', 18774)


def test_noauth2_listens_on_loopback_alone_unless_told_otherwise(bus, caplog):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    with caplog.at_level(logging.INFO):
        assert address_of(bus) == ('127.0.0.1', 8774)
    assert 'noauth2 believes everybody, so nova-vnc-api listens on 127.0.0.1 alone' in caplog.text
    bus.conf.set_override('osapi_compute_listen', '0.0.0.0')
    assert address_of(bus) == ('0.0.0.0', 8774)


def test_noauth2_is_told_otherwise_by_a_file(tmp_path):
    path = tmp_path / 'nova.conf'
    path.write_text('[DEFAULT]\nosapi_compute_listen = 0.0.0.0\n[api]\nauth_strategy = noauth2\n')
    conf = new_conf(path)
    assert factory.build_service(conf, transport.build_transport(conf, transport.IN_PROCESS_URL)).host == '0.0.0.0'


def test_whoever_is_not_believed_may_come_from_anywhere(bus):
    known = auth.FixedToken('x', ['localhost'])
    assert factory.build_service(bus.conf, bus.transport, known).host == '0.0.0.0'


def test_tls_that_cannot_be_had_is_refused(bus, tmp_path):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    bus.conf.set_override('enabled_ssl_apis', ['metadata'])
    factory.build_service(bus.conf, bus.transport)
    bus.conf.set_override('enabled_ssl_apis', ['metadata', 'osapi_compute'])
    with pytest.raises(exception.ConfigurationError, match=r'^\[DEFAULT\]enabled_ssl_apis = osapi_compute needs '):
        factory.build_service(bus.conf, bus.transport)
    authority = CertificateAuthority(tmp_path / 'ca')
    good, other = authority.server(), authority.server()
    nowhere = tmp_path / 'nowhere.pem'
    for wrong, files in [('cert', (nowhere, good.key)), ('key', (good.cert, nowhere)), ('key', (good.cert, other.key)),
                         ('ca', (good.cert, good.key, nowhere))]:
        for option, path in zip(('cert', 'key', 'ca'), files, strict=False):
            bus.conf.set_override(f'ssl_{option}_file', str(path), 'wsgi')
        with pytest.raises(exception.ConfigurationError, match=rf'^\[wsgi\]ssl_{wrong}_file = /[^\n]*$'):
            factory.build_service(bus.conf, bus.transport)


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


def test_what_is_logged_of_a_stranger_is_of_nobody_else(tmp_path, caplog):
    app = factory.build_app(keystone_conf(tmp_path, 'auth_type = password\nauth_url = http://127.0.0.1:1/\n'
                                                    'username = nova\npassword = x'), DirectCaller({}))
    contexts = []

    class Handler(logging.Handler):
        def emit(self, record):
            contexts.append(oslo_context.get_current())

    handler = Handler()
    logging.getLogger('keystonemiddleware').addHandler(handler)
    logging.getLogger('nova_vnc.api.access_log').addHandler(handler)
    caplog.set_level('INFO')
    RequestContext(user_id='of-the-last-request', overwrite=True)
    try:
        refused = webob.Request.blank('/v2.1/servers').get_response(app)
    finally:
        for name in ('keystonemiddleware', 'nova_vnc.api.access_log'):
            logging.getLogger(name).removeHandler(handler)
    assert refused.status_int == 401
    assert {(context.user_id, context.request_id) for context in contexts} == {
        (None, refused.headers['X-OpenStack-Request-ID'])}
