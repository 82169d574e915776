# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc import exception
from nova_vnc.api import faults
from nova_vnc.rpc import caller
from tests.unit.api.client import fault

REQUEST_ID = 'req-0a1b2c3d-0000-4000-8000-000000000000'


@pytest.mark.parametrize(('error', 'expected'), [
    (exception.ConsoleTypeInvalid(console_type='xvpvnc'), (400, 'badRequest', 'Invalid console type xvpvnc')),
    (exception.ConsoleTypeUnavailable(console_type='novnc'),
     (400, 'badRequest', 'Unavailable console type novnc.')),
    (exception.InvalidInput(reason='no regular expression'),
     (400, 'badRequest', 'Invalid input: no regular expression')),
    (exception.MarkerNotFound(marker='x'), (400, 'badRequest', 'Marker x could not be found.')),
    (exception.InstanceNotFound(instance_id='x'), (404, 'itemNotFound', 'Instance x could not be found.')),
    (exception.InstanceNotReady(instance_id='x'), (409, 'conflictingRequest', 'Instance x is not ready')),
    (exception.InstanceInvalidState(instance_uuid='x', attr='task_state', state='deleting', method='y'),
     (409, 'conflictingRequest',
      'Instance x in task_state deleting. Cannot y while the instance is in this state.')),
    (NotImplementedError(), (501, 'notImplemented', 'This function is not implemented here.')),
    (caller.UnknownMethod('consoleauth', 'get_instance'),
     (501, 'notImplemented', 'This function is not implemented here.')),
    (faults.Refusal(406, 'no'), (406, 'computeFault', 'no')),
    (faults.Refusal(404), (404, 'itemNotFound', 'The resource could not be found.')),
    (faults.Refusal(405), (405, 'badMethod', 'Method Not Allowed')),
])
def test_an_exception_becomes_an_answer(error, expected):
    assert fault(faults.response_to(error, REQUEST_ID)) == expected


def test_headers_of_a_refusal_are_sent():
    response = faults.response_to(faults.Refusal(405, headers={'Allow': 'GET'}), REQUEST_ID)
    assert response.headers['Allow'] == 'GET'


@pytest.mark.parametrize(('error', 'text'), [
    (exception.ServiceUnavailable(service='consoleauth'), 'The console service is not available at the moment.'),
    (exception.StoreUnavailable(reason='sqlite:////srv/secret is locked'),
     'The console service is not available at the moment.'),
    (exception.ServiceUnavailable(service='compute'), 'The compute host of this server does not answer'),
    (exception.HostSilent(host='secret'), 'The compute host of this server does not answer'),
    (exception.ServiceUnavailable(service='compute on host secret'),
     'The compute host of this server does not answer'),
])
def test_what_is_away_is_told_with_what_to_do_and_nothing_else(error, text):
    response = faults.response_to(error, REQUEST_ID)
    status, kind, message = fault(response)
    assert (status, kind) == (503, 'serviceUnavailable')
    assert response.headers['Retry-After'] == '60'
    assert message.startswith(text)
    assert 'Try again' in message
    assert REQUEST_ID in message
    assert 'secret' not in message


@pytest.mark.parametrize('error', [RuntimeError('a secret'), exception.InvalidConnectionInfo(),
                                   exception.TokenInUse(), KeyError('a secret')])
def test_everything_else_is_our_fault_and_explained_to_nobody(error):
    status, kind, message = fault(faults.response_to(error, REQUEST_ID))
    assert (status, kind) == (500, 'computeFault')
    assert message == f'Unexpected API error. Give your administrator this request id: {REQUEST_ID}'


def test_the_length_of_a_message_is_bounded():
    error = exception.InstanceNotFound(instance_id='x' * 100_000)
    assert len(faults.response_to(error, REQUEST_ID).body) < 1200
