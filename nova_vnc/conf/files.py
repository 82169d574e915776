# SPDX-License-Identifier: Apache-2.0
"""What stands in nova.conf files, as it is written there: known here or not, right or wrong."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator

from oslo_config import cfg, iniparser


def paths_of(conf: cfg.ConfigOpts) -> list[str]:
    """Return the files that a configuration was read from, in the order in which they were."""
    return [*conf.config_file, *(path for directory in conf.config_dir
                                 for path in sorted(glob.glob(os.path.join(directory, '*.conf'))))]


def entries(path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Return section, name and values of each entry; names with underscores, several values as they follow.

    :raises cfg.Error, OSError, UnicodeDecodeError: it cannot be read, or is no such file
    """
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        cfg.ConfigParser(path, sections).parse()
    except iniparser.ParseError as error:
        raise cfg.ConfigFileParseError(path, str(error)) from None
    for section, found in sections.items():
        for name, values in found.items():
            yield section, name.replace('-', '_'), values
