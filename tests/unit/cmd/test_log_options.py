# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_context import context
from oslo_context.fixture import ClearRequestContext

from nova_vnc import exception
from nova_vnc.cmd import log_options
from tests.fixtures.bus import new_conf


@pytest.fixture(autouse=True)
def _no_request() -> Iterator[None]:
    """As at the start of a service: another test may have left a context in this thread."""
    with ClearRequestContext():
        yield


def check(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\n{text}\n')
    log_options.check(new_conf(path))


@pytest.mark.parametrize(('text', 'said'), [
    ('default_log_levels = bogus', "[DEFAULT]default_log_levels: 'bogus' is not LOGGER=LEVEL"),
    ('default_log_levels = amqp=WARN,eventlet=LOUD', "[DEFAULT]default_log_levels: 'eventlet=LOUD' is not"),
    ('logging_default_format_string = %(nothing)s', '[DEFAULT]logging_default_format_string = %(nothing)s: '),
    ('logging_context_format_string = %(nothing)s', '[DEFAULT]logging_context_format_string = %(nothing)s: '),
    ('logging_debug_format_suffix = %(nothing', '[DEFAULT]logging_debug_format_suffix = %(nothing: '),
    ('logging_exception_prefix = %(message', '[DEFAULT]logging_exception_prefix = %(message: '),
    ('logging_user_identity_format = %(user', '[DEFAULT]logging_user_identity_format = %(user: '),
])
def test_what_cannot_be_used_is_named_in_a_line(tmp_path: Path, text: str, said: str):
    with pytest.raises(exception.ConfigurationError) as caught:
        check(tmp_path, text)
    assert str(caught.value).startswith(said)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('text', [
    '', 'default_log_levels = amqp=5,eventlet=WARN', 'default_log_levels =', 'logging_debug_format_suffix =',
    'logging_user_identity_format = %(nobody_knows)s', 'use_json = True\nlogging_default_format_string = %(nothing)s',
    'logging_default_format_string = %(isotime)s %(color)s%(error_summary)s %(instance)s%(message)s',
    'logging_context_format_string = %(request_id)s %(user_name)s %(project_id)s %(resource)s %(message)s',
    'log_config_append = /etc/nova/logging.conf\ndefault_log_levels = bogus', 'log_date_format = %Q',
])
def test_what_can_be_used(tmp_path: Path, text: str):
    before = context.get_current()
    check(tmp_path, text)
    assert context.get_current() is before      # nobody has asked for anything
