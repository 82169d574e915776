# SPDX-License-Identifier: Apache-2.0
import pytest
from oslo_config import cfg

import nova_vnc.conf
from nova_vnc.conf import opts


def read(tmp_path, text: str) -> cfg.ConfigOpts:
    path = tmp_path / 'nova.conf'
    path.write_text(text)
    conf = cfg.ConfigOpts()
    nova_vnc.conf.register_opts(conf)
    conf(['--config-file', str(path)])
    return conf


def default_of(name: str):
    return next(option.default for option in nova_vnc.conf.vnc.OPTS if option.name == name)


def test_two_conf_objects_share_no_values(tmp_path):
    one, two = read(tmp_path, ''), read(tmp_path, '')
    one.set_override('connection_uri', 'test:///default', 'libvirt')
    assert (one.libvirt.connection_uri, two.libvirt.connection_uri) == ('test:///default', '')


def test_seed_era_lines_work_as_well_as_their_successors(tmp_path):
    old = read(tmp_path, '''
[DEFAULT]
vnc_enabled = False
vncserver_listen = 192.0.2.1
vncserver_proxyclient_address = 192.0.2.2
novncproxy_base_url = http://console.example.org:6080/vnc_auto.html
''')
    new = read(tmp_path, '''
[vnc]
enabled = False
server_listen = 192.0.2.1
server_proxyclient_address = 192.0.2.2
novncproxy_base_url = http://console.example.org:6080/vnc_auto.html
''')
    for name in ('enabled', 'server_listen', 'server_proxyclient_address', 'novncproxy_base_url'):
        assert old.vnc[name] == new.vnc[name]
        assert old.vnc[name] != default_of(name)


@pytest.mark.parametrize(('text', 'group', 'name', 'value'), [
    ('[vnc]\nvncserver_listen = 192.0.2.1', 'vnc', 'server_listen', '192.0.2.1'),
    ('[vnc]\nvncserver_proxyclient_address = 192.0.2.1', 'vnc', 'server_proxyclient_address', '192.0.2.1'),
    ('[DEFAULT]\nnovncproxy_host = 192.0.2.1', 'vnc', 'novncproxy_host', '192.0.2.1'),
    ('[DEFAULT]\nnovncproxy_port = 6081', 'vnc', 'novncproxy_port', 6081),
    ('[DEFAULT]\nconsole_allowed_origins = a,b', 'console', 'allowed_origins', ['a', 'b']),
    ('[DEFAULT]\nconsole_token_ttl = 5', 'consoleauth', 'token_ttl', 5),
    ('[DEFAULT]\nauth_strategy = noauth2', 'api', 'auth_strategy', 'noauth2'),
])
def test_other_deprecated_names(tmp_path, text, group, name, value):
    assert read(tmp_path, text)[group][name] == value


def test_a_nova_conf_with_other_sections_is_taken_unedited(tmp_path):
    conf = read(tmp_path, '[placement]\nauth_url = http://x\n[DEFAULT]\nlog_dir = /var/log/nova\nmy_ip = 192.0.2.9\n')
    assert conf.vnc.enabled is True


@pytest.mark.parametrize(('group', 'option'), [(group, option) for group, options in opts.list_opts()
                                               for option in options
                                               if group != 'api_database'],     # in the words of oslo.db
                         ids=lambda value: getattr(value, 'name', value))
def test_help_is_written_for_operators(group, option):
    text = (option.help or '').strip()
    assert text[:1].isupper(), f'[{group}]{option.name} has no help'
    assert text.endswith('.') or '\n* ' in text


def test_every_module_with_options_is_listed():
    import pkgutil
    modules = {module.name for module in pkgutil.iter_modules(nova_vnc.conf.__path__)}
    names = modules - {'files', 'keystone_authtoken', 'opts', 'refusal', 'retired', 'weaknesses'}
    assert names == {module.__name__.rpartition('.')[2] for module in nova_vnc.conf.MODULES}
