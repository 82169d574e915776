# SPDX-License-Identifier: Apache-2.0
"""Tables of a cell database of Nova's, as far as they are read here (nova.db.main.models). No migration is theirs.

console_auth_tokens has the same name and columns as ours: models. A column that a release lacks is not asked for.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

instances = sa.Table(
    'instances', metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('uuid', sa.String(36)),
    sa.Column('host', sa.String(255)),                  # NULL: none chosen yet, or shelved
    sa.Column('project_id', sa.String(255)),
    sa.Column('user_id', sa.String(255)),
    sa.Column('display_name', sa.String(255)),
    sa.Column('display_description', sa.String(255)),
    sa.Column('vm_state', sa.String(255)),
    sa.Column('task_state', sa.String(255)),
    sa.Column('locked', sa.Boolean),
    sa.Column('deleted', sa.Integer),                   # 0, or the id of a row that is deleted
    sa.Column('hidden', sa.Boolean))                    # of two cells during a resize: not this one. Since Nova 20

tags = sa.Table(
    'tags', metadata,
    sa.Column('resource_id', sa.String(36), primary_key=True),      # uuid of the instance
    sa.Column('tag', sa.String(80), primary_key=True))
