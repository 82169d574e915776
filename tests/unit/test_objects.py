# SPDX-License-Identifier: Apache-2.0
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc import exception, objects

UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'


@given(st.uuids())
def test_normalize_uuid_takes_every_spelling(value: uuid.UUID):
    for spelling in (str(value), str(value).upper(), value.hex, f'{{{value}}}'):
        assert objects.normalize_uuid(spelling) == str(value)


@pytest.mark.parametrize('value', [None, '', 'vm1', 7, b'x', UUID + '0'])
def test_normalize_uuid_of_what_is_none(value):
    assert objects.normalize_uuid(value) is None


def test_instance_record_round_trip_and_unknown_fields():
    record = objects.InstanceRecord(uuid=UUID, id=12, name='instance-0000000c', display_name='vm', host='compute1')
    assert objects.InstanceRecord.from_dict(record.to_dict() | {'from_a_later_release': 1}) == record


def test_instance_record_without_uuid():
    with pytest.raises(exception.InvalidInput):
        objects.InstanceRecord.from_dict({'display_name': 'vm'})


def test_primitive_names_exactly_the_fields_that_old_and_new_nova_take():
    primitive = objects.InstanceRecord(uuid=UUID, id=12, host='compute1').to_primitive()
    assert primitive['nova_object.version'] == '2.0'
    assert set(primitive['nova_object.data']) == {'id', 'uuid', 'host', 'display_name', 'vm_state', 'task_state',
                                                  'project_id', 'user_id'}
    assert objects.instance_uuid_of(primitive) == UUID


@given(st.recursive(st.none() | st.text() | st.integers(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_instance_argument_of_any_shape_is_refused_in_order(garbage):
    with pytest.raises(exception.InvalidInput):
        objects.instance_uuid_of(garbage)


def test_connect_info_never_shows_its_secrets():
    info = objects.ConnectInfo(token=TOKEN, console_type='novnc', host='10.0.0.1', port='5900', instance_uuid=UUID,
                               access_url=f'http://x/?token={TOKEN}')
    assert TOKEN not in repr(info)
    assert TOKEN not in repr(objects.TokenCheck(info))
    assert objects.ConnectInfo.from_dict(info.to_dict()) == info


def test_connect_info_of_another_console_may_have_no_port():
    values = {'token': TOKEN, 'host': 'h', 'port': None, 'instance_uuid': UUID, 'console_type': 'spice-direct'}
    assert objects.ConnectInfo.from_dict(values).port == ''
    with pytest.raises(exception.InvalidConnectionInfo):
        objects.ConnectInfo.from_dict({**values, 'port': -1})


@pytest.mark.parametrize('change', [{'port': None}, {'port': 'x'}, {'port': 70000}, {'port': True}, {'host': ''},
                                    {'host': None}])
def test_connect_info_of_no_use(change):
    values = {'token': TOKEN, 'host': 'h', 'port': 5900, 'instance_uuid': UUID, 'console_type': 'novnc'}
    with pytest.raises(exception.InvalidConnectionInfo):
        objects.ConnectInfo.from_dict(values | change)


@pytest.mark.parametrize(('given_port', 'expected'), [(5900, '5900'), ('5900', '5900'), ('05900', '5900')])
def test_check_port(given_port, expected):
    assert objects.check_port(given_port) == expected


@given(st.text())
def test_check_port_refuses_in_order(text):
    try:
        assert 0 < int(objects.check_port(text)) < 65536
    except exception.InvalidInput:
        pass


def test_token_check_round_trip():
    check = objects.TokenCheck(None, objects.REASON_MOVED, 'vm', 1, 'req-1')
    assert objects.TokenCheck.from_dict(check.to_dict()) == check
    assert objects.TokenCheck.from_dict({'connect_info': None}) == objects.TokenCheck(None)
