# SPDX-License-Identifier: Apache-2.0
import io
import logging

import pytest
from oslo_config import cfg
from oslo_log import formatters
from oslo_log import log as oslo_log

from nova_vnc.cmd.log_format import OwnWordsFormatter, name_threads_where_asked_for, use_own_words


class ForeignError(Exception):
    pass


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def logger(stream):
    conf = cfg.ConfigOpts()
    oslo_log.register_options(conf)
    conf([])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OwnWordsFormatter(formatters.ContextFormatter(config=conf, project='nova', version='1')))
    logger = logging.Logger('test')
    logger.addHandler(handler)
    return logger


def test_what_is_being_handled_is_left_out(logger, stream):
    try:
        raise ForeignError('secret')
    except ForeignError:
        logger.error('it failed')
    assert stream.getvalue().endswith('it failed\n')
    assert 'secret' not in stream.getvalue()


@pytest.mark.parametrize('formatter', [formatters.JSONFormatter(), formatters.FluentFormatter()])
def test_nor_is_it_in_lines_that_are_values(formatter):
    record = logging.makeLogRecord({'levelno': logging.ERROR, 'levelname': 'ERROR', 'msg': 'it failed'})
    try:
        raise ForeignError('secret')
    except ForeignError:
        assert 'secret' in str(formatter.format(record))
        line = OwnWordsFormatter(formatter).format(record)
    assert 'it failed' in str(line)
    assert 'secret' not in str(line)


def test_a_line_of_ours_stays_whole(logger, stream):
    logger.error('it failed: reason')
    assert stream.getvalue().endswith('it failed: reason\n')


def test_what_is_given_to_the_logger_is_shown(logger, stream):
    try:
        raise ForeignError('shown')
    except ForeignError:
        logger.exception('it failed')
    assert 'ForeignError: shown' in stream.getvalue()
    assert 'Traceback' in stream.getvalue()
    assert 'KeyError' not in stream.getvalue()


def test_handlers_of_any_logger_are_reached(stream):
    logger = logging.getLogger('nova_vnc.tests.some_logger')
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatters.JSONFormatter())
    logger.addHandler(handler)
    use_own_words()
    logger.removeHandler(handler)
    assert isinstance(handler.formatter, OwnWordsFormatter)


@pytest.mark.parametrize(('option', 'value', 'expected'), [
    (None, None, False),
    ('logging_default_format_string', '%(asctime)s %(threadName)s %(message)s', True),
    ('logging_context_format_string', '%(thread)d %(message)s', True),
    ('logging_debug_format_suffix', '%(funcName)s %(threadName)s', True),
    ('logging_exception_prefix', '%(threadName)s', True),
    ('use_json', True, True),
    ('use_journal', True, True),
    ('log_config_append', 'logging.conf', True),
])
def test_the_thread_of_a_line_is_looked_up_where_it_is_asked_for(monkeypatch, option, value, expected):
    monkeypatch.setattr(logging, 'logThreads', True)
    conf = cfg.ConfigOpts()
    oslo_log.register_options(conf)
    conf([])
    if option is not None:
        conf.set_override(option, value)
    name_threads_where_asked_for(conf)
    assert logging.logThreads is expected
