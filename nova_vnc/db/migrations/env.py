# SPDX-License-Identifier: Apache-2.0
"""What alembic runs to get at the database: the connection that schema.upgrade() hands over."""

from __future__ import annotations

from alembic import context

from nova_vnc.db import models, schema

dialect = context.config.attributes['connection'].dialect.name
# SQLite takes CREATE TABLE back as well, with the BEGIN that oslo.db sends; alembic assumes that it does not.
context.configure(connection=context.config.attributes['connection'], target_metadata=models.metadata,
                  version_table=schema.VERSION_TABLE, transactional_ddl=None if dialect != 'sqlite' else True)
with context.begin_transaction():
    context.run_migrations()
