# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from tools import hacking

ROOT = Path(__file__).parents[3]


def rules_broken(path: str, text: str) -> list[str]:
    return [line.split()[1] for line in hacking.check_text(path, text)]


class TestOptionsOnlyInConf:

    @pytest.mark.parametrize('text', [
        "cfg.StrOpt('name')", "conf.register_opts([cfg.IntOpt('name')])", "StrOpt('name')"])
    def test_an_option_elsewhere_is_a_breach(self, text: str) -> None:
        assert rules_broken('nova_vnc/novncproxy/factory.py', text) == ['V301']

    def test_an_option_in_conf_is_none(self) -> None:
        assert rules_broken('nova_vnc/conf/vnc.py', "cfg.StrOpt('name', help='Name.')") == []

    def test_registering_another_librarys_options_is_none(self) -> None:
        assert rules_broken('nova_vnc/cmd/common.py', 'logging.register_options(conf)') == []

    def test_the_commands_of_a_command_line_are_none(self) -> None:
        assert rules_broken('nova_vnc/cmd/manage.py', "conf.register_cli_opt(cfg.SubCommandOpt('command'))") == []


class TestOptionHelp:

    @pytest.mark.parametrize('text', [
        "cfg.StrOpt('name', help='in small letters')",
        "cfg.StrOpt('name')",
        "cfg.IntOpt('token_ttl', help='How long a token lives.')",
        "cfg.FloatOpt('ratio', default=1.0, help='Share of it.')",
    ])
    def test_help_that_leaves_a_question_is_a_breach(self, text: str) -> None:
        assert rules_broken('nova_vnc/conf/consoleauth.py', text) == ['V302']

    @pytest.mark.parametrize('text', [
        "cfg.StrOpt('name', help='''\nName of this host.\n''')",
        "cfg.IntOpt('token_ttl', help='How long a token lives, in seconds.')",
        "cfg.IntOpt('limit', help='Most servers of a page.')",
        "cfg.PortOpt('port', help='TCP port.')",
        "cfg.DeprecatedOpt('old_name', group='DEFAULT')",
    ])
    def test_help_that_answers_is_none(self, text: str) -> None:
        assert rules_broken('nova_vnc/conf/consoleauth.py', text) == []


class TestNoTokenInLogs:

    @pytest.mark.parametrize('text', [
        "LOG.info('Token %s', token)",
        "LOG.debug('Token %s', self._token)",
        "LOG.debug('Token %s', info.token.lower())",
        "LOG.warning('Opened %(url)s', {'url': access_url})",
        "LOG.error('%s', connect_info['token'])",
        "LOG.error('%s', connect_info.get('access_url'))",
        "LOG.exception('%s', self.requestline)",
        "self._log.info('%s', str(auth_token))",
        "LOG.log(logging.DEBUG, '%s', repr(request.cookies))",
    ])
    def test_a_token_among_the_arguments_is_a_breach(self, text: str) -> None:
        assert rules_broken('nova_vnc/novncproxy/session.py', text) == ['V303']

    @pytest.mark.parametrize('text', [
        "LOG.info('The token has expired')",
        "LOG.info('%d tokens are gone', count)",
        "LOG.info('%s', self.check_token(name))",
        "LOG.info('Tokens live for %d s', token_ttl)",
        "audit.info('%s', token)",
    ])
    def test_talk_about_tokens_is_none(self, text: str) -> None:
        assert rules_broken('nova_vnc/novncproxy/session.py', text) == []


class TestNoEventlet:

    @pytest.mark.parametrize('text', [
        'import eventlet', 'import eventlet.patcher as p', 'from eventlet import tpool', 'import greenlet',
        "importlib.import_module('eventlet.hubs')",
    ])
    def test_a_green_import_is_a_breach(self, text: str) -> None:
        assert rules_broken('nova_vnc/relay/loop.py', text) == ['V304']

    def test_concurrency_is_the_place_for_it(self) -> None:
        assert rules_broken('nova_vnc/concurrency.py', 'from eventlet import hubs') == []


def test_noqa_lets_off_the_named_rule_only() -> None:
    assert rules_broken('nova_vnc/a.py', "cfg.StrOpt('x')  # noqa: V301 - read before conf is") == []
    assert rules_broken('nova_vnc/a.py', "cfg.StrOpt('x')  # noqa: V304") == ['V301']


def test_a_breach_is_told_with_its_place() -> None:
    assert hacking.check_text('nova_vnc/a.py', '\n  \nif x:\n    import eventlet\n') == [
        'nova_vnc/a.py:4:5: V304 eventlet: use threading, socket and queue, or nova_vnc.concurrency']


def test_hacking_rst_explains_each_rule() -> None:
    text = (ROOT / 'HACKING.rst').read_text()
    assert [rule for rule in hacking.CHECKS if rule not in text] == []
