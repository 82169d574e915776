# SPDX-License-Identifier: Apache-2.0
"""Which hosts a VM is at home on, and whose it is known to be.

What held a VM until now is its home, and what that host said of the owner is what is known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'

_OWNER_OF = '(SELECT {column} FROM {table} WHERE {table}.uuid = instance_holders.uuid{more})'
_HELD = ' AND reported_instances.host = instance_holders.host'


def upgrade() -> None:
    op.add_column('reported_hosts', sa.Column('silent_since', sa.Double, nullable=False, server_default='0'))
    op.add_column('reported_instances', sa.Column('claimed_at', sa.Double, nullable=False, server_default='0'))
    with op.batch_alter_table('instance_holders') as batch:
        batch.alter_column('host', existing_type=sa.String(255), nullable=True)
        for name in ('project_id', 'user_id', 'display_name', 'known_project_id', 'known_user_id'):
            batch.add_column(sa.Column(name, sa.String(255)))
        batch.add_column(sa.Column('released_at', sa.Double))
        batch.create_index('instance_holders_project_id_uuid_idx', ['project_id', 'uuid'])
        batch.create_index('instance_holders_released_at_idx', ['released_at'])
    op.create_table(
        'instance_homes',
        sa.Column('uuid', sa.String(36), primary_key=True),
        sa.Column('host', sa.String(255), primary_key=True),
        sa.Column('seniority', sa.Integer),
        mysql_engine='InnoDB', mysql_charset='utf8mb4', mysql_collate='utf8mb4_bin')
    op.execute('INSERT INTO instance_homes (uuid, host, seniority) SELECT uuid, host, 1 FROM instance_holders')
    for target, source in (('display_name', 'display_name'), ('known_project_id', 'project_id'),
                           ('known_user_id', 'user_id')):
        _set_from('reported_instances', target, source, _HELD)
    op.execute('UPDATE instance_holders SET project_id = known_project_id, user_id = known_user_id')
    _let_operators_owners_count()


def _let_operators_owners_count() -> None:
    # Until now they counted for VMs without an owner of their own.
    unknown = 'known_project_id IS NULL AND uuid IN (SELECT uuid FROM instance_owners)'
    for column in ('user_id', 'project_id'):
        value = _OWNER_OF.format(column=column, table='instance_owners', more='')
        op.execute(f'UPDATE instance_holders SET {column} = {value} WHERE {unknown}')  # noqa: S608 - no input
    op.execute('DELETE FROM instance_owners WHERE uuid IN '
               '(SELECT uuid FROM instance_holders WHERE known_project_id IS NOT NULL)')


def _set_from(table: str, target: str, source: str, more: str) -> None:
    value = _OWNER_OF.format(column=source, table=table, more=more)
    op.execute(f'UPDATE instance_holders SET {target} = {value}')  # noqa: S608 - no input
