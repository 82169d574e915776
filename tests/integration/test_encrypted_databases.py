# SPDX-License-Identifier: Apache-2.0
"""MariaDB and PostgreSQL that take nobody without TLS, by the lines of doc/source/admin/encrypted-bus.rst."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pymysql
import pytest
import sqlalchemy as sa

from nova_vnc import exception
from nova_vnc.consoleauth import inspection, resources
from tests.fixtures.bus import new_conf
from tests.fixtures.certificates import Certificate, CertificateAuthority
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import ConsoleClient, token_of
from tests.fixtures.database_server import SERVERS, DatabaseServer, open_database
from tests.fixtures.examples import example_conf
from tests.fixtures.process import format_conf
from tests.fixtures.rabbitmq import RabbitMQ

pytestmark = pytest.mark.once

PAGE = 'admin/encrypted-bus'
# What the server itself says of a connection; in the second column.
SEEN_BY_SERVER = {'mariadb': "SHOW STATUS LIKE 'Ssl_version'",
                  'postgresql': 'SELECT 1, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()'}


class Secured(NamedTuple):
    """
    :ivar url: of an empty database there, as the page has it
    :ivar files: where the example has /etc/nova/tls; other.pem is another CA
    """

    server: DatabaseServer
    url: sa.URL
    files: Path

    def url_with(self, host: str = '127.0.0.1', **query: str) -> str:
        url = self.url.set(host=host).update_query_dict(query)
        return url.render_as_string(hide_password=False)


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = tmp_path_factory.mktemp('tls')
    for name, directory in (('ca', 'ca'), ('other', 'other')):
        authority = CertificateAuthority(files / directory)
        (files / f'{name}.pem').write_bytes(authority.ca.read_bytes())
        if name == 'ca':
            authority.server('127.0.0.1').copy_to(files / 'server.pem', files / 'server-key.pem')
    return files


@pytest.fixture(scope='module', params=SERVERS)
def secured(request: pytest.FixtureRequest, files: Path) -> Iterator[Secured]:
    certificate = Certificate(files / 'server.pem', files / 'server-key.pem', files / 'server.pem')
    with SERVERS[request.param](certificate) as server, server.new_url() as url:
        example = sa.make_url(example_conf(PAGE, server.name)['database']['connection'])
        query = {name: str(value).replace('/etc/nova/tls', str(files)) for name, value in example.query.items()}
        yield Secured(server, sa.make_url(url).set(drivername=example.drivername, query=query), files)


def test_tables_are_made_and_read(secured: Secured):
    with contextlib.closing(open_database(secured.url_with())) as database:
        database.sync()
        for run in (database.read, database.write):
            rows = run(lambda connection: list(connection.execute(sa.text(SEEN_BY_SERVER[secured.server.name]))))
            assert rows[0][1] == 'TLSv1.3'


def test_a_console_whose_token_is_there(secured: Secured, rabbitmq: RabbitMQ):
    url = secured.url_with()
    with contextlib.closing(open_database(url)) as database:
        database.sync()
        with Cloud(rabbitmq.url, options={'database': {'connection': url}}) as cloud:
            console = cloud.console_url(cloud.wait_for_server())
            token = token_of(console)
            stored = database.read(lambda connection: list(connection.execute(sa.text(
                'SELECT token_hash FROM console_auth_tokens'))))
            assert hashlib.sha256(token.encode()).hexdigest() in {row[0] for row in stored}
            with ConsoleClient(console) as client:
                client.connect()
                client.see_typed('encrypted')


def test_the_server_takes_nobody_without_tls(secured: Secured):
    if secured.server.name == 'mariadb':
        # Some releases of PyMySQL use TLS without being asked to, and MariaDB does not say why it refuses.
        with pytest.raises(pymysql.err.OperationalError, match='Access denied'):
            pymysql.connect(host='127.0.0.1', port=secured.server.port, user='root', ssl_disabled=True)
        return
    words = r'no encryption \(see sslmode=disable in \[database\]connection\)'
    with contextlib.closing(open_database(secured.url_with(sslmode='disable'))) as database, \
            pytest.raises(exception.StoreUnavailable, match=words):
        database.prepare()


def test_what_is_wrong_names_the_argument(secured: Secured):
    argument = {'mariadb': 'ssl_ca', 'postgresql': 'sslrootcert'}[secured.server.name]
    for name in ('other.pem', 'none.pem'):
        path = f'{secured.files}/{name}'
        assert f'{argument}={path} in [database]connection' in finding(secured.url_with(**{argument: path}), secured)
    words = {'mariadb': 'its certificate is for another host than localhost, which [database]connection names',
             'postgresql': '(see sslmode=verify-full in [database]connection)'}[secured.server.name]
    assert words in finding(secured.url_with('localhost'), secured)


def finding(url: str, secured: Secured) -> str:
    """Return what nova-vnc-status says of the database at a URL."""
    path = secured.files / 'nova.conf'
    path.write_text(format_conf({'DEFAULT': {'transport_url': 'fake://', 'state_path': secured.files},
                                 'database': {'connection': url}}))
    found = list(inspection.look_at_stores(resources.Resources(new_conf(path))))
    assert len(found) == 1
    assert '\n' not in found[0].text
    return found[0].text
