# SPDX-License-Identifier: Apache-2.0
"""The application under another WSGI server: wsgiref's, as the simplest of them."""

import http.client
import json
import sys

import pytest

from nova_vnc.cmd import api_wsgi
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port, is_listening
from tests.fixtures.process import ExternalProcess, format_conf

SERVER = """
import sys
from wsgiref import simple_server
from nova_vnc.cmd.api_wsgi import application
simple_server.make_server('127.0.0.1', int(sys.argv[1]), application).serve_forever()
"""


def get(port, path):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    try:
        connection.request('GET', path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture
def start(tmp_path):
    started = []

    def run(conf):
        (tmp_path / 'nova.conf').write_text(format_conf(conf))
        port = free_port()
        process = ExternalProcess([sys.executable, '-c', SERVER, str(port)], tmp_path, name='wsgi',
                                  environment={'OS_NOVA_CONFIG_DIR': str(tmp_path)})
        started.append(process)
        process.start()
        wait_until(lambda: is_listening(port), 30, 'the WSGI server')
        return process, port

    yield run
    for process in started:
        process.close()


def test_it_answers(start):
    _, port = start({'DEFAULT': {'transport_url': 'fake://'}, 'api': {'auth_strategy': 'noauth2'}})
    assert get(port, '/v2.1/')[1]['version']['version'] == '2.46'
    assert get(port, '/v2.1/servers')[0] == 401


def test_a_misconfiguration_is_told_to_the_log_alone(start):
    process, port = start({'DEFAULT': {'transport_url': 'fake://'}, 'api': {'auth_strategy': 'keystone'}})
    status, body = get(port, '/v2.1/')
    assert status == 500
    assert 'keystone' not in json.dumps(body)
    assert '[api]auth_strategy = keystone' in process.output()


@pytest.mark.parametrize(('environ', 'files'), [
    ({}, ['/etc/nova/nova.conf']),
    ({'OS_NOVA_CONFIG_DIR': '/srv'}, ['/srv/nova.conf']),
    ({'OS_NOVA_CONFIG_FILES': 'a.conf; /b.conf;'}, ['/etc/nova/a.conf', '/b.conf'])])
def test_the_variables_are_those_of_novas_modules(environ, files):
    assert api_wsgi.config_files(environ) == files
