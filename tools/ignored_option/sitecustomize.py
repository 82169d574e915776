# SPDX-License-Identifier: Apache-2.0
"""Makes every Python process that has this directory in PYTHONPATH deaf to one option: IGNORED_OPTION=group.name."""

import os

from oslo_config import cfg

_GROUP, _, _NAME = os.environ['IGNORED_OPTION'].partition('.')
_do_get = cfg.ConfigOpts._do_get


def _ignore(self, name, group=None, namespace=None):
    found = _do_get(self, name, group, namespace)
    if name != _NAME or (group.name if group else 'DEFAULT') != _GROUP:
        return found
    info = self._get_opt_info(name, group)
    return info['opt'].default, cfg.LocationInfo(cfg.Locations.opt_default, 'ignored')


cfg.ConfigOpts._do_get = _ignore
