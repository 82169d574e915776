# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import oslo_messaging
import pytest

from nova_vnc import context, exception, objects
from nova_vnc.net.ceiling import Crowded
from nova_vnc.novncproxy import session_timeout
from nova_vnc.novncproxy.authorizer import Authorizer, Grant
from nova_vnc.novncproxy.refusal import Refusal, Refused
from nova_vnc.novncproxy.token_checks import TokenChecks, build_places

TOKEN = 'd3c5f3a0-4b0c-4f4c-9d3e-6a4b8b1f0f2e'
INFO = objects.ConnectInfo(TOKEN, 'novnc', 'compute-1', '5901', 'uuid', access_url='http://a/?token=' + TOKEN)


class API:

    def __init__(self, outcome):
        self.outcome = outcome

    def may_check_tokens(self):
        return False

    def check_token(self, ctxt, token, deadline):
        assert token == TOKEN
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def check(outcome):
    return Authorizer(TokenChecks(API(outcome), 10, build_places(1)), 600, lambda: 5000.0).check(
        context.service_context(), TOKEN)


def test_a_valid_token():
    grant = check(objects.TokenCheck(INFO, display_name='web', expires=1234, request_id='req-1'))
    assert grant == Grant('uuid', 'web', 'compute-1', 5901, 1234, None, INFO.access_url, 'req-1')
    assert TOKEN not in repr(grant)


def test_an_answer_of_novas_knows_less():
    assert check(objects.TokenCheck(INFO)).display_name == ''


@pytest.mark.parametrize(('last_activity_at', 'expires'), [(4000.5, 4600.5), (None, 5600), ('yesterday', 5600)])
def test_when_a_token_expires_that_novas_answers_for(last_activity_at, expires):
    info = dataclasses.replace(INFO, last_activity_at=last_activity_at)
    assert check(objects.TokenCheck(info)).expires == expires


@pytest.mark.parametrize('told', [10**18, 10**400, 1e300, math.inf, -1, -10**400, -math.inf, math.nan])
@pytest.mark.parametrize('by', ['expires', 'last_activity_at'])
def test_whatever_time_is_told_can_be_told_on(told, by):
    if by == 'expires':
        expires = check(objects.TokenCheck(INFO, expires=told)).expires
    else:
        expires = check(objects.TokenCheck(dataclasses.replace(INFO, last_activity_at=told))).expires
    assert expires == (5600 if told != told else pytest.approx(0 if told < 0 else 253_402_300_799, abs=600))
    assert session_timeout.describe_end(expires, 5000.0).endswith(' UTC')


@pytest.mark.parametrize(('outcome', 'refusal'), [
    (objects.TokenCheck(None, objects.REASON_INVALID), Refusal.TOKEN),
    (objects.TokenCheck(None, objects.REASON_NOT_READY), Refusal.NOT_READY),
    (objects.TokenCheck(None, objects.REASON_MOVED), Refusal.MOVED),
    (objects.TokenCheck(None, objects.REASON_HOST_SILENT), Refusal.HOST_SILENT),
    (objects.TokenCheck(None, objects.REASON_UNAVAILABLE), Refusal.UNAVAILABLE),
    (objects.TokenCheck(None, 'a reason of a later release'), Refusal.TOKEN),
    (objects.TokenCheck(None), Refusal.TOKEN),
    *((objects.TokenCheck(dataclasses.replace(INFO, console_type=console_type)), Refusal.CONSOLE_TYPE)
      for console_type in ('spice-html5', 'serial', 'rdp-html5', 'webmks', 'mks', 'xvpvnc', 'spice-direct', TOKEN,
                           None)),
    (exception.ServiceUnavailable(service='consoleauth'), Refusal.UNAVAILABLE),
    (exception.StoreUnavailable(reason='locked'), Refusal.UNAVAILABLE),
    (exception.InvalidConnectionInfo(), Refusal.UNAVAILABLE),
    (Crowded(), Refusal.UNAVAILABLE),
    (oslo_messaging.RemoteError('KeyError', TOKEN, [TOKEN]), Refusal.UNAVAILABLE),
    (ValueError(TOKEN), Refusal.UNAVAILABLE),
])
def test_what_is_refused(outcome, refusal):
    with pytest.raises(Refused) as refused:
        check(outcome)
    assert refused.value.refusal is refusal
    assert TOKEN not in refused.value.detail
