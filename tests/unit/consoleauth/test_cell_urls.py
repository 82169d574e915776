# SPDX-License-Identifier: Apache-2.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc import exception
from nova_vnc.consoleauth import cell_urls

DATABASE = 'mysql+pymysql://nova:se%40cret@10.0.0.1:3307/nova_cell1?charset=utf8mb4'
TRANSPORT = 'rabbit://u1:p1@h1:5671,u2:p2@[::2]:5672/vhost?ssl=1'
WHOLE = '{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}'


@pytest.mark.parametrize(('template', 'value', 'filled'), [
    (WHOLE, DATABASE, DATABASE),
    ('{scheme}://{username}:{password}@db2/nova_cell2?{query}', DATABASE,
     'mysql+pymysql://nova:se%40cret@db2/nova_cell2?charset=utf8mb4'),
    ('mysql://x@{hostname}/{path}', 'mysql://a:b@[fd00::1]:1/c', 'mysql://x@fd00::1/c'),
    ('rabbit://{username1}:{password1}@{hostname1}:{port1},{username2}:{password2}@[{hostname2}]:{port2}/{path}?{query}',
     TRANSPORT, TRANSPORT),
    ('rabbit://{username1}:{password1}@other:{port2}/', TRANSPORT, 'rabbit://u1:p1@other:5672/'),
    ('{scheme}://h/{path}', 'rabbit://h0', 'rabbit://h/'),
    ('mysql://nova:x@db/nova', None, 'mysql://nova:x@db/nova'),
    ('none:///', TRANSPORT, 'none:///'),
    ('mysql://nova:a{b}c@db/nova', DATABASE, 'mysql://nova:a{b}c@db/nova'),
    ('mysql://nova:a{b@db/nova', DATABASE, 'mysql://nova:a{b@db/nova'),
    ('mysql://nova:{hostname.__class__}@db/nova', DATABASE, 'mysql://nova:{hostname.__class__}@db/nova'),
    ('mysql://nova:{0}@db/nova', DATABASE, 'mysql://nova:{0}@db/nova')])
def test_fill(template: str, value: str | None, filled: str):
    assert cell_urls.fill(template, '[database]connection', value) == filled


@pytest.mark.parametrize(('template', 'value', 'said'), [
    (WHOLE, None, '[database]connection, which is not set'),
    ('mysql://{username}@h:{port}/', 'mysql://h/nova', 'needs port, username of [database]connection, which has none'),
    ('mysql://{hostname3}/', TRANSPORT, 'needs hostname3 of'),
    ('mysql://{hostname1}/', DATABASE, 'needs hostname1 of'),
    ('mysql://{hostname}/', 'mysql://nova:secret@h:port/', 'is not a URL'),
    ('mysql://{hostname}/', 'mysql://nova:secret@[::1/', 'is not a URL')])
def test_template_that_cannot_be_filled(template: str, value: str | None, said: str):
    with pytest.raises(exception.ConfigurationError) as caught:
        cell_urls.fill(template, '[database]connection', value)
    assert said in caught.value.message
    assert 'secret' not in caught.value.message


@given(st.text(), st.one_of(st.none(), st.text()))
def test_anything(template: str, value: str | None):
    try:
        cell_urls.fill(template, 'option', value)
    except exception.ConfigurationError:
        pass


@pytest.mark.parametrize(('url', 'has'), [('none:///', False), ('none://', False), ('rabbit://h/', True)])
def test_has_transport(url: str, has: bool):
    assert cell_urls.has_transport(url) is has
