# SPDX-License-Identifier: Apache-2.0
"""Tokens, and what the compute hosts report."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None

# Any character in a display name, and no two names that are equal but for their letter case.
_MYSQL: dict[str, Any] = {'mysql_engine': 'InnoDB', 'mysql_charset': 'utf8mb4', 'mysql_collate': 'utf8mb4_bin'}


def upgrade() -> None:
    op.create_table(
        'console_auth_tokens',
        sa.Column('created_at', sa.DateTime),
        sa.Column('updated_at', sa.DateTime),
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('token_hash', sa.String(255), nullable=False),
        sa.Column('console_type', sa.String(255), nullable=False),
        sa.Column('host', sa.String(255), nullable=False),
        sa.Column('port', sa.Integer, nullable=False),
        sa.Column('tls_port', sa.Integer),
        sa.Column('internal_access_path', sa.String(255)),
        sa.Column('instance_uuid', sa.String(36), nullable=False),
        sa.Column('expires', sa.Integer, nullable=False),
        sa.Column('access_url_base', sa.String(255)),
        sa.Column('request_id', sa.String(255)),
        sa.UniqueConstraint('token_hash', name='uniq_console_auth_tokens0token_hash'),
        **_MYSQL)
    op.create_index('console_auth_tokens_instance_uuid_idx', 'console_auth_tokens', ['instance_uuid'])
    op.create_index('console_auth_tokens_host_expires_idx', 'console_auth_tokens', ['host', 'expires'])
    op.create_index('console_auth_tokens_token_hash_instance_uuid_idx', 'console_auth_tokens',
                    ['token_hash', 'instance_uuid'])
    op.create_table(
        'reported_hosts',
        sa.Column('host', sa.String(255), primary_key=True),
        sa.Column('report_number', sa.BigInteger, nullable=False),
        sa.Column('last_report_at', sa.Double, nullable=False),
        **_MYSQL)
    op.create_table(
        'reported_instances',
        sa.Column('uuid', sa.String(36), primary_key=True),
        sa.Column('host', sa.String(255), primary_key=True),
        sa.Column('report_number', sa.BigInteger, nullable=False),
        sa.Column('instance_id', sa.BigInteger, nullable=False),
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('display_name', sa.String(255), nullable=False),
        sa.Column('project_id', sa.String(255)),
        sa.Column('user_id', sa.String(255)),
        sa.Column('vm_state', sa.String(255), nullable=False),
        sa.Column('task_state', sa.String(255)),
        **_MYSQL)
    op.create_index('reported_instances_host_idx', 'reported_instances', ['host', 'report_number'])
    op.create_table(
        'instance_holders',
        sa.Column('uuid', sa.String(36), primary_key=True),
        sa.Column('host', sa.String(255), nullable=False),
        **_MYSQL)
    op.create_table(
        'instance_owners',
        sa.Column('uuid', sa.String(36), primary_key=True),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('user_id', sa.String(255)),
        **_MYSQL)
