# SPDX-License-Identifier: Apache-2.0
"""The values of [upgrade_levels]: a version, or the name of a release."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nova_vnc import exception

_VERSION = re.compile('[0-9]{1,4}[.][0-9]{1,4}')


def parse(option: str, value: str | None, releases: Mapping[str, str]) -> tuple[int, int]:
    """Return major and minor version.

    :param releases: the version that each of their names stands for
    :raises ConfigurationError: it is neither
    """
    level = (value or '').strip().lower()
    version = releases.get(level, level)
    if not _VERSION.fullmatch(version):
        names = list(releases)
        raise exception.ConfigurationError(
            reason=f'[upgrade_levels]{option} = {value}: neither a version such as {releases[names[-1]]} nor the name '
                   f'of a release, {names[0]} to {names[-1]}')
    major, minor = version.split('.')
    return int(major), int(minor)
