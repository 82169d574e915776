# SPDX-License-Identifier: Apache-2.0
"""The tables. migrations/ creates them; a test sees to it that both say the same.

console_auth_tokens has the name, the columns and the indexes of Nova's table (nova.db.main.models.ConsoleAuthToken, as
of Nova 31), and one column more.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

console_auth_tokens = sa.Table(
    'console_auth_tokens', metadata,
    sa.Column('created_at', sa.DateTime),
    sa.Column('updated_at', sa.DateTime),
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('token_hash', sa.String(255), nullable=False),        # SHA-256, hex
    sa.Column('console_type', sa.String(255), nullable=False),
    sa.Column('host', sa.String(255), nullable=False),              # address of the VNC server
    sa.Column('port', sa.Integer, nullable=False),
    sa.Column('tls_port', sa.Integer),
    sa.Column('internal_access_path', sa.String(255)),
    sa.Column('instance_uuid', sa.String(36), nullable=False),
    sa.Column('expires', sa.Integer, nullable=False),               # unix seconds
    sa.Column('access_url_base', sa.String(255)),                   # consoleauth.tokens.take_token_out
    sa.Column('request_id', sa.String(255)),                        # ours: of the request for the console
    sa.UniqueConstraint('token_hash', name='uniq_console_auth_tokens0token_hash'),
    sa.Index('console_auth_tokens_instance_uuid_idx', 'instance_uuid'),
    sa.Index('console_auth_tokens_host_expires_idx', 'host', 'expires'),
    sa.Index('console_auth_tokens_token_hash_instance_uuid_idx', 'token_hash', 'instance_uuid'))

# One row for each compute host that ever reported.
reported_hosts = sa.Table(
    'reported_hosts', metadata,
    sa.Column('host', sa.String(255), primary_key=True),            # its [DEFAULT]host
    sa.Column('report_number', sa.BigInteger, nullable=False),      # of its newest report
    sa.Column('last_report_at', sa.Double, nullable=False),         # unix seconds, on the clock of nova-consoleauth
    # Its silence is counted from here on, if this is later: nobody was heard before.
    sa.Column('silent_since', sa.Double, nullable=False, server_default='0'))

# What each host said of each VM: several hosts may name the same one.
reported_instances = sa.Table(
    'reported_instances', metadata,
    sa.Column('uuid', sa.String(36), primary_key=True),
    sa.Column('host', sa.String(255), primary_key=True),
    # Of the newest report in several messages that names it; in one message, nothing is written that has not changed.
    sa.Column('report_number', sa.BigInteger, nullable=False),
    sa.Column('instance_id', sa.BigInteger, nullable=False),
    sa.Column('name', sa.String(255), nullable=False),
    sa.Column('display_name', sa.String(255), nullable=False),
    sa.Column('project_id', sa.String(255)),
    sa.Column('user_id', sa.String(255)),
    sa.Column('vm_state', sa.String(255), nullable=False),
    sa.Column('task_state', sa.String(255)),
    # When this host began to name it, in each report since then: unix seconds.
    sa.Column('claimed_at', sa.Double, nullable=False, server_default='0'),
    sa.Index('reported_instances_host_idx', 'host', 'report_number'))

# Which host's word counts for a VM (consoleauth.directory.claims), and whose the VM is. A row is kept for a while after
# all hosts have let the VM go. Its lock is also that of the VM's rows in instance_homes.
instance_holders = sa.Table(
    'instance_holders', metadata,
    sa.Column('uuid', sa.String(36), primary_key=True),
    sa.Column('host', sa.String(255)),                              # NULL: no host has it
    # Those that count: the operator's, else those that are known.
    sa.Column('project_id', sa.String(255)),
    sa.Column('user_id', sa.String(255)),
    sa.Column('display_name', sa.String(255)),                      # NULL: no host could describe it yet
    # Those that are known from reports, and no other report changes.
    sa.Column('known_project_id', sa.String(255)),
    sa.Column('known_user_id', sa.String(255)),
    sa.Column('released_at', sa.Double),                            # unix seconds; NULL: a host has it
    sa.Index('instance_holders_project_id_uuid_idx', 'project_id', 'uuid'),
    sa.Index('instance_holders_released_at_idx', 'released_at'))

# Hosts that a VM is or was at home on and that have not let it go, and those that the operator does not believe.
instance_homes = sa.Table(
    'instance_homes', metadata,
    sa.Column('uuid', sa.String(36), primary_key=True),
    sa.Column('host', sa.String(255), primary_key=True),
    sa.Column('seniority', sa.Integer))                             # claims.Claim.seniority; NULL: barred

# What the operator said of the owner of a VM.
instance_owners = sa.Table(
    'instance_owners', metadata,
    sa.Column('uuid', sa.String(36), primary_key=True),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('user_id', sa.String(255)))
