# SPDX-License-Identifier: Apache-2.0
"""What a database holds, and which columns: whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from nova_vnc import exception
from nova_vnc.db import models, nova_api_models, nova_models, schema
from nova_vnc.db.schema import Content


def reflect(connection: sa.Connection, name: str,
            is_api: bool = False) -> tuple[Content, Mapping[str, frozenset[str]]]:
    """Return the content, and the columns by table.

    :param name: how messages call the database: option = URL
    :param is_api: Nova's API database is wanted, and else anything but that
    :raises ConfigurationError: it cannot be used
    """
    content = schema.content_of(connection)
    if is_api:
        return content, _columns_of_api(connection, name, content)
    if content is Content.NOVA:
        columns = schema.columns_of(connection, [models.console_auth_tokens.name, *nova_models.metadata.tables])
        if not columns['instances'] or 'access_url_base' not in columns['console_auth_tokens']:
            raise exception.ConfigurationError(
                reason=f'{name} leads to tables of Nova without instances or '
                       'console_auth_tokens: its user may not read them (GRANT SELECT), or Nova is older than Queens')
        return content, columns
    if content is Content.NOVA_API:
        raise exception.ConfigurationError(
            reason=f"{name} is Nova's API database, which holds no instances: name the database "
                   'of a cell')
    if content is Content.NOTHING or not schema.is_up_to_date(connection):
        raise exception.ConfigurationError(
            reason=f'The tables of {name} are missing or of an older release: '
                   'run nova-vnc-manage db sync')
    return content, schema.columns_of(connection, models.metadata.tables)


def _columns_of_api(connection: sa.Connection, name: str, content: Content) -> Mapping[str, frozenset[str]]:
    columns = schema.columns_of(connection, nova_api_models.metadata.tables)
    if content is not Content.NOVA_API or not all(columns.values()):
        raise exception.ConfigurationError(
            reason=f"{name} leads to no API database of Nova's whose cell_mappings and instance_mappings may be read "
                   '(nova-manage api_db sync; GRANT SELECT). Without this option nova-consoleauth serves the cell of '
                   '[database]connection alone')
    return columns


def refuse_sync(name: str, content: Content) -> str:
    return (f'[database]connection = {name} holds {content.value}, which nova-manage db sync keeps up to date; '
            'nova-consoleauth uses them as they are')
