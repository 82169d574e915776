# SPDX-License-Identifier: Apache-2.0
"""The commands' own words, seen from outside: the commands run as processes, under their own backends."""
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.polling import wait_until

# Which backend the tests run under makes no difference.
pytestmark = pytest.mark.once

COMMANDS = ('nova-vnc-api', 'nova-vnc-compute', 'nova-consoleauth', 'nova-novncproxy')


def run(command: str, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    path = os.path.join(os.path.dirname(sys.executable), command)
    return subprocess.run([path, *args], capture_output=True, text=True, timeout=60, env=env)


@pytest.mark.parametrize('command', [*COMMANDS, 'nova-vnc-standalone'])
def test_version(command):
    done = run(command, '--version')
    assert done.returncode == 0
    assert done.stdout.strip()


@pytest.mark.parametrize('command', COMMANDS)
def test_help_names_the_common_options(command):
    done = run(command, '--help')
    assert done.returncode == 0
    for option in ('--config-file', '--config-dir', '--debug', '--version'):
        assert option in done.stdout


# Of oslo.log, as Queens had them (3.36); Nova 34 has all of them but the watching of files.
FLAGS_OF_LOGS = ('--debug', '-d', '--nodebug', '--log-config-append', '--log-config', '--log_config',
                 '--log-date-format', '--log-file', '--logfile', '--log-dir', '--logdir', '--watch-log-file',
                 '--nowatch-log-file', '--use-syslog', '--nouse-syslog', '--use-journal', '--nouse-journal',
                 '--syslog-log-facility', '--use-json', '--nouse-json')
# Of Queens' nova-consoleauth and nova-novncproxy.
FLAGS_OF_QUEENS = (*FLAGS_OF_LOGS, '--config-file', '--config-dir', '--version', '--help', '-h', '--remote_debug-host',
                   '--remote_debug-port')
# Of Nova 34's nova-novncproxy, and those of the time before there was a group [vnc].
FLAGS_OF_THE_PROXY = ('--web', '--cert', '--key', '--record', '--daemon', '--nodaemon', '--ssl_only', '--nossl_only',
                      '--source_is_ipv6', '--nosource_is_ipv6', '--vnc-novncproxy_host', '--vnc-novncproxy_port',
                      '--vnc-auth_schemes', '--vnc-vencrypt_client_key', '--vnc-vencrypt_client_cert',
                      '--vnc-vencrypt_ca_certs', '--novncproxy_host', '--novncproxy_port')


@pytest.mark.parametrize(('command', 'flags'), [('nova-consoleauth', FLAGS_OF_QUEENS),
                                                ('nova-novncproxy', (*FLAGS_OF_QUEENS, *FLAGS_OF_THE_PROXY))])
def test_a_command_has_the_flags_of_novas(command, flags):
    offered = set(re.findall(r'(?<![\w-])--?\w[\w-]*', run(command, '--help').stdout))
    assert offered >= set(flags)


def test_flags_come_before_the_file(tmp_path):
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\nweb = {tmp_path}\n[vnc]\nnovncproxy_host = localhost\n')
    done = run('nova-novncproxy', '--config-file', str(path), '--nodaemon', '--nossl_only', '--nosource_is_ipv6',
               '--watch-log-file', '--remote_debug-host', 'debugger', '--remote_debug-port', '5678',
               '--cert', f'{tmp_path}/none.pem', '--vnc-auth_schemes', 'none', '--web', '/nonexistent')
    assert done.returncode == 1
    assert '[DEFAULT]web = /nonexistent' in done.stdout


def test_a_flag_without_meaning_stops_nothing(tmp_path):
    path = tmp_path / 'nova.conf'
    path.write_text('[database]\nconnection = no url\n')
    done = run('nova-consoleauth', '--config-file', str(path), '--nowatch-log-file', '--remote_debug-host=debugger',
               '--remote_debug-port=5678', '--nouse-journal', '-d')
    assert done.returncode == 1
    assert '[database]connection' in done.stdout


@pytest.mark.parametrize(('text', 'named'), [
    ('[DEFAULT]\nconcurrency_backend = asyncio\n', '[DEFAULT]concurrency_backend = asyncio'),
    ('[DEFAULT]\nconcurrency_backend = $nothing\n', '[DEFAULT]concurrency_backend = $nothing'),
    ('not an option file', 'nova.conf'),
    ('# Für Änderungen', 'not UTF-8'),
])
@pytest.mark.parametrize('command', COMMANDS)
def test_what_all_need_is_one_line(tmp_path, command, text, named):
    path = tmp_path / 'nova.conf'
    path.write_text(text, encoding='latin-1')
    done = run(command, '--config-file', str(path))
    assert done.returncode == 1
    assert named in done.stderr
    assert done.stderr.startswith(f'{command}: ')
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(('command', 'text', 'named'), [
    ('nova-consoleauth', '[consoleauth]\ntoken_ttl = soon\n', '[consoleauth]token_ttl = soon'),
    ('nova-vnc-api', '[api]\nauth_strategy = none\n', '[api]auth_strategy = none'),
    # oslo.config's own, for options that the command line has too.
    ('nova-novncproxy', '[vnc]\nauth_schemes = vnc\n', 'argument --auth_schemes: '),
    ('nova-vnc-compute', '[vnc]\nnovncproxy_base_url = console\n[DEFAULT]\ncompute_driver = demo\n',
     '[vnc]novncproxy_base_url = console'),
    # Of oslo.messaging's, read together with the URL.
    ('nova-vnc-api', '[oslo_messaging_rabbit]\nrpc_conn_pool_size = 0\n', '[oslo_messaging_rabbit]rpc_conn_pool'),
    ('nova-vnc-standalone', '[novncproxy]\nconnect_timeout = 0\n', '[novncproxy]connect_timeout = 0'),
])
def test_a_wrong_value_is_one_line_that_names_the_option(tmp_path, command, text, named):
    path = tmp_path / 'nova.conf'
    path.write_text(text)
    done = run(command, '--config-file', str(path), *(['--port=0'] if command == 'nova-vnc-standalone' else []))
    assert done.returncode == 1
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if ' INFO ' not in line]
    assert len(complaints) == 1, complaints
    assert named in complaints[0]


def test_the_journal_without_its_library_is_one_line(tmp_path):
    (tmp_path / 'systemd.py').touch()       # in the place of the library, if it is installed
    path = tmp_path / 'nova.conf'
    path.write_text('[DEFAULT]\nuse_journal = True\n')
    done = run('nova-novncproxy', '--config-file', str(path), env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.startswith('nova-novncproxy: [DEFAULT]use_journal = True needs')
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(('text', 'said'), [
    ('default_log_levels = bogus', "[DEFAULT]default_log_levels: 'bogus' is not LOGGER=LEVEL"),
    ('use_syslog = True\nsyslog_log_facility = LOG_NONE', '[DEFAULT]syslog_log_facility = LOG_NONE: '),
    ('log_dir = /proc/nothing', '[DEFAULT]log_dir = /proc/nothing: /proc/nothing/nova-novncproxy.log cannot be'),
    ('log_file = /proc/nothing/log', '[DEFAULT]log_file = /proc/nothing/log: /proc/nothing/log cannot be written: '),
])
def test_what_the_log_cannot_do_is_one_line_that_names_the_option(tmp_path, text, said):
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\n{text}\n')
    done = run('nova-novncproxy', '--config-file', str(path))
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith(f'nova-novncproxy: {said}')
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(('command', 'text', 'named'), [
    ('nova-novncproxy', '[DEFAULT]\ntransport_url = rabbit://nova:pa$sword@192.0.2.1/\n', '[DEFAULT]transport_url '),
    ('nova-consoleauth', '[database]\nconnection = mysql://nova:pa$sword@192.0.2.1/x\n', '[database]connection '),
])
def test_a_dollar_in_a_password_is_told_without_the_password(tmp_path, command, text, named):
    path = tmp_path / 'nova.conf'
    path.write_text(text)
    done = run(command, '--config-file', str(path))
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert f' CRITICAL nova_vnc.service [-] {named}refers to an option' in output
    assert 'sword' not in output


# As openstack-helm writes it: what is not said by the logger `nova` is lost.
LOGGING_OF_NOVA = '''
[loggers]
keys = root, nova
[handlers]
keys = null, stdout
[formatters]
keys = context
[logger_root]
level = WARNING
handlers = null
[logger_nova]
level = INFO
handlers = stdout
qualname = nova
[handler_null]
class = logging.NullHandler
args = ()
[handler_stdout]
class = StreamHandler
args = (sys.stdout,)
formatter = context
[formatter_context]
class = oslo_log.formatters.ContextFormatter
'''


def test_a_logging_configuration_written_for_nova_hears_us(tmp_path):
    (tmp_path / 'logging.conf').write_text(LOGGING_OF_NOVA)
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\nlog_config_append = {tmp_path}/logging.conf\n[api]\nauth_strategy = keystone\n')
    done = run('nova-vnc-api', '--config-file', str(path))
    assert done.returncode == 1
    assert ' CRITICAL ' in done.stdout
    assert '[api]auth_strategy' in done.stdout


# A line that nobody but this service uses, and one because of which it does not start.
OF_EACH = {
    'nova-vnc-api': ('[api]\nmax_limit = -1\n', '[api]\nauth_strategy = keystone\n'),
    'nova-vnc-compute': ('[compute]\nreport_interval = often\n', '[DEFAULT]\ncompute_driver = hyperv.HyperVDriver\n'),
    'nova-consoleauth': ('[consoleauth]\ntoken_ttl = soon\n', '[database]\nconnection = no url\n'),
    'nova-novncproxy': ('[novncproxy]\nconnect_timeout = $patience\n', '[DEFAULT]\nweb = /nonexistent\n'),
}


@pytest.mark.parametrize('command', COMMANDS)
def test_what_others_cannot_use_is_not_minded(tmp_path, command):
    path = tmp_path / 'nova.conf'
    of_others = ''.join(line for other, (line, _) in OF_EACH.items() if other != command)
    path.write_text(of_others + OF_EACH[command][1])
    done = run(command, '--config-file', str(path))
    assert done.returncode == 1
    assert OF_EACH[command][1].split()[1] in done.stdout.partition(' CRITICAL ')[2]
    said = done.stdout + done.stderr
    assert not any(word in said for word in ('max_limit', 'report_interval', 'token_ttl', 'connect_timeout'))


def test_manage_minds_the_database_alone(tmp_path):
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\nstate_path = {tmp_path}\n[consoleauth]\ntoken_ttl = soon\n')
    assert run('nova-vnc-manage', '--config-file', str(path), 'db', 'sync').returncode == 0
    path.write_text('[database]\nconnection = sqlite:///nova.sqlite\nmax_pool_size = large\n')
    done = run('nova-vnc-manage', '--config-file', str(path), 'db', 'sync')
    assert done.returncode == 1
    assert 'max_pool_size' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize('command', COMMANDS)
def test_a_missing_file_is_one_line(command):
    done = run(command, '--config-file', '/nonexistent/nova.conf')
    assert done.returncode == 1
    assert '/nonexistent/nova.conf' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize('port', ['x', '70000', '-1', ''])
def test_standalone_refuses_a_port_that_is_none(port):
    done = run('nova-vnc-standalone', f'--port={port}')
    assert done.returncode == 2
    assert 'is not a TCP port' in done.stderr


@pytest.mark.parametrize('command', [*COMMANDS, 'nova-vnc-manage', 'nova-vnc-standalone'])
def test_an_interrupt_while_it_starts_ends_it_without_a_word(tmp_path, command):
    os.mkfifo(tmp_path / 'nova.conf')       # it waits for somebody to write there
    path = os.path.join(os.path.dirname(sys.executable), command)
    process = subprocess.Popen([path, '--config-file', str(tmp_path / 'nova.conf')], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        wait_until(lambda: is_read(tmp_path / 'nova.conf'), 30, 'it to read its file')
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == ''
        assert process.returncode == -signal.SIGINT
    finally:
        process.kill()


def is_read(fifo: Path) -> bool:
    """Tell whether somebody has opened it; it stays open here, so that he goes on to wait."""
    try:
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    return True
