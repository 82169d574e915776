# SPDX-License-Identifier: Apache-2.0
"""Real messages of Queens, given to the dispatcher as the driver does."""

import json
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest
from oslo_messaging.rpc import dispatcher as oslo_dispatcher

from nova_vnc.consoleauth import manager
from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.directory.base import Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.objects import InstanceRecord
from nova_vnc.rpc.serializer import ContextSerializer
from tests.fixtures.database import new_database
from tests.fixtures.vectors import Incoming, Vector
from tests.unit.consoleauth.test_checker import Compute, checks_of

AUTHORIZE = Vector('queens-17.0.13-authorize_console')
CHECK = Vector('queens-17.0.13-check_token')
DELETE = Vector('queens-17.0.13-delete_tokens_for_instance')


@pytest.fixture
def dispatcher(tmp_path: Path):
    with new_database(tmp_path) as database:
        store, directory = DatabaseTokenStore(database), ReportedInstanceDirectory(database, 180)
        directory.report(Report('compute1', 1, 1, [InstanceRecord(uuid=AUTHORIZE.args['instance_uuid'])]))
        work = manager.Manager(store, directory, TokenChecker(store, directory, checks_of(Compute()), 600), 600,
                                manager.build_report_places(64))
        yield oslo_dispatcher.RPCDispatcher(
            [manager.NovaEndpoint(work), manager.GrizzlyEndpoint(work), manager.NovaVNCEndpoint(work)],
            ContextSerializer(), oslo_messaging.DefaultRPCAccessPolicy)


def check_of(token: str) -> Incoming:
    """Return the message of nova-novncproxy, for another token."""
    return Incoming({**CHECK.message, 'args': {'token': token}})


def test_authorize_check_delete(dispatcher: Any):
    arguments = AUTHORIZE.args
    assert dispatcher.dispatch(AUTHORIZE.incoming()) is None
    answer = dispatcher.dispatch(check_of(arguments['token']))
    assert isinstance(answer.pop('last_activity_at'), float)
    assert answer == arguments
    json.dumps(answer)
    assert DELETE.args['instance_uuid'] == arguments['instance_uuid']
    assert dispatcher.dispatch(DELETE.incoming()) is None
    assert dispatcher.dispatch(check_of(arguments['token'])) is None


def test_token_that_nobody_authorized(dispatcher: Any):
    assert dispatcher.dispatch(CHECK.incoming()) is None


@pytest.mark.parametrize(('version', 'left_out'), [
    ('2.0', ['access_url']), ('1.2', ['access_url']), ('1.2', ['access_url', 'instance_uuid']),
    ('1.0', ['access_url', 'instance_uuid'])])
def test_older_callers(dispatcher: Any, version: str, left_out: list[str]):
    arguments = {key: value for key, value in AUTHORIZE.args.items() if key not in left_out}
    assert dispatcher.dispatch(Incoming({**AUTHORIZE.message, 'version': version, 'args': arguments})) is None
    answer = dispatcher.dispatch(Incoming({**CHECK.message, 'version': version, 'args': {'token': arguments['token']}}))
    if 'instance_uuid' in left_out:
        assert answer is None
    else:
        assert answer['access_url'] is None
        assert answer['port'] == arguments['port']


@pytest.mark.parametrize(('method', 'version', 'error'), [
    ('get_backdoor_port', '1.1', oslo_messaging.NoSuchMethod), ('_manager', '2.1', oslo_messaging.NoSuchMethod),
    ('check_token', '2.2', oslo_messaging.UnsupportedVersion),
    ('check_token', '3.0', oslo_messaging.UnsupportedVersion)])
def test_what_is_not_known(dispatcher: Any, method: str, version: str, error: type[Exception]):
    with pytest.raises(error):
        dispatcher.dispatch(Incoming({**CHECK.message, 'method': method, 'version': version}))
