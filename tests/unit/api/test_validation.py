# SPDX-License-Identifier: Apache-2.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.api import faults, validation
from nova_vnc.api.microversion import MAX, MIN, Microversion
from nova_vnc.api.schemas import remote_consoles, servers

JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                    lambda children: st.lists(children) | st.dictionaries(st.text(), children), max_leaves=10)


def message_of(check, *args):
    with pytest.raises(faults.Refusal) as caught:
        check(*args)
    assert caught.value.status == 400
    return caught.value.message


@pytest.mark.parametrize(('body', 'message'), [
    (None, "None is not of type 'object'"),
    ([1], "[1] is not of type 'object'"),
    ({}, "'remote_console' is a required property"),
    ({'remote_console': {'protocol': 'vnc'}},
     "Invalid input for field/attribute remote_console. Value: {'protocol': 'vnc'}. "
     "'type' is a required property"),
    ({'remote_console': {'protocol': 'vnc', 'type': 'x'}},
     "Invalid input for field/attribute type. Value: x. 'x' is not one of "
     "['novnc', 'xvpvnc', 'spice-html5', 'serial', 'rdp-html5']"),
])
def test_messages_have_the_form_of_novas(body, message):
    assert message_of(validation.check_body, body, remote_consoles.CREATE, Microversion(2, 6)) == message


@pytest.mark.parametrize(('protocol', 'console_type', 'first'), [
    ('vnc', 'novnc', 6), ('vnc', 'xvpvnc', 6), ('spice', 'spice-html5', 6), ('serial', 'serial', 6),
    ('rdp', 'rdp-html5', 6), ('mks', 'webmks', 8)])
def test_from_which_microversion_on_a_console_type_is_known(protocol, console_type, first):
    body = {'remote_console': {'protocol': protocol, 'type': console_type}}
    for minor in (6, 7, 8, MAX.minor):
        if minor >= first:
            validation.check_body(body, remote_consoles.CREATE, Microversion(2, minor))
        else:
            message_of(validation.check_body, body, remote_consoles.CREATE, Microversion(2, minor))


@given(JSON)
def test_no_body_is_more_than_refused(body):
    assert len(message_of(validation.check_body, body, remote_consoles.CREATE, MAX)) < 1000


def test_a_query_names_the_argument():
    assert message_of(validation.check_query, {'limit': ['x']}, servers.INDEX_QUERY, MIN) == (
        "Invalid input for query parameters limit. Value: x. 'x' does not match '^[0-9]{1,9}$'")


@pytest.mark.parametrize('value', ['', '-1', 'a', '1e3', '1' * 10])
def test_what_is_no_limit(value):
    assert 'limit' in message_of(validation.check_query, {'limit': [value]}, servers.INDEX_QUERY, MIN)


@pytest.mark.parametrize('version', [MIN, MAX])
def test_unknown_arguments_are_let_pass(version):
    validation.check_query({'foo': ['1']}, servers.INDEX_QUERY, version)


def test_names_that_came_later():
    assert 'tags' not in servers.INDEX_QUERY[MIN]['properties']
    assert 'tags' in servers.INDEX_QUERY[Microversion(2, 26)]['properties']


def test_a_body_that_is_too_deep_to_be_shown():
    body: object = []
    for _ in range(100_000):
        body = [body]
    assert message_of(validation.check_body, body, remote_consoles.CREATE, MAX)


def test_a_long_value_is_not_repeated_whole():
    assert len(message_of(validation.check_query, {'limit': ['(' * 5000]}, servers.INDEX_QUERY, MIN)) < 600
