# SPDX-License-Identifier: Apache-2.0
"""Tables of Nova's API database, as far as they are read here (nova.db.api.models). No migration is theirs."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

cell_mappings = sa.Table(
    'cell_mappings', metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('uuid', sa.String(36)),
    sa.Column('name', sa.String(255)),
    sa.Column('transport_url', sa.Text),                # may be a template, as database_connection
    sa.Column('database_connection', sa.Text))

instance_mappings = sa.Table(
    'instance_mappings', metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('instance_uuid', sa.String(36)),
    sa.Column('cell_id', sa.Integer))                  # NULL: not scheduled yet
