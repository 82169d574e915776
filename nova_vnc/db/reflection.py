# SPDX-License-Identifier: Apache-2.0
"""What a database holds, and which columns: whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from nova_vnc import exception
from nova_vnc.db import models, nova_models, schema
from nova_vnc.db.schema import Content


def reflect(connection: sa.Connection, name: str) -> tuple[Content, Mapping[str, frozenset[str]]]:
    """Return the content, and the columns by table.

    :param name: how messages call the database
    :raises ConfigurationError: it cannot be used
    """
    content = schema.content_of(connection)
    if content is Content.NOVA:
        columns = schema.columns_of(connection, [models.console_auth_tokens.name, *nova_models.metadata.tables])
        if not columns['instances'] or 'access_url_base' not in columns['console_auth_tokens']:
            raise exception.ConfigurationError(
                reason=f'[database]connection = {name} leads to tables of Nova without instances or '
                       'console_auth_tokens: its user may not read them (GRANT SELECT), or Nova is older than Queens')
        return content, columns
    if content is Content.NOVA_API:
        raise exception.ConfigurationError(
            reason=f"[database]connection = {name} is Nova's API database, which holds no instances: name the database "
                   'of a cell')
    if content is Content.NOTHING or not schema.is_up_to_date(connection):
        raise exception.ConfigurationError(
            reason=f'The tables of [database]connection = {name} are missing or of an older release: '
                   'run nova-vnc-manage db sync')
    return content, schema.columns_of(connection, models.metadata.tables)


def refuse_sync(name: str, content: Content) -> str:
    return (f'[database]connection = {name} holds {content.value}, which nova-manage db sync keeps up to date; '
            'nova-consoleauth uses them as they are')
