# SPDX-License-Identifier: Apache-2.0
"""The rules as they are in force with the operator's files, for the tools of oslo.policy (--namespace nova_vnc).

They find get_enforcer() as an entry point, and it finds the files on their command line.
"""

from __future__ import annotations

import sys

from oslo_config import cfg
from oslo_policy import policy

from nova_vnc import concurrency
from nova_vnc.api import factory
from nova_vnc.cmd import common


def get_enforcer() -> policy.Enforcer:
    """:raises ConfigurationError: nova.conf or the policy files cannot be read"""
    conf: cfg.ConfigOpts = cfg.CONF
    conf(concurrency.config_file_args(sys.argv[1:]), project=common.PROJECT)
    return factory.build_enforcer(conf)
