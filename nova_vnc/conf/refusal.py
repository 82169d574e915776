# SPDX-License-Identifier: Apache-2.0
"""What is said of an option whose value cannot be used.

oslo.config looks at a value when it is asked for it. So a service minds the options that it uses, and no others: its
factory asks for all of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from oslo_config import cfg

from nova_vnc import exception
from nova_vnc.conf import files, opts

_REFERS_TO_NOTHING = (cfg.NoSuchOptError, cfg.NoSuchGroupError, cfg.TemplateSubstitutionError)


@contextlib.contextmanager
def naming_options(conf: cfg.ConfigOpts) -> Iterator[None]:
    """Around whatever asks for options.

    :raises ConfigurationError: an option has a value that it cannot have; it names both
    """
    try:
        yield
    except cfg.Error as error:
        raise exception.ConfigurationError(reason=_describe(conf, error)) from None


def not_text(error: UnicodeDecodeError) -> str:
    """oslo.config lets this error through, without the name of the file."""
    return f'a configuration file is not UTF-8: {error.reason} {error.object[error.start:error.start + 1]!r}'


def _describe(conf: cfg.ConfigOpts, error: cfg.Error) -> str:
    for group, option in _options():
        found = _error_of(conf, group, option.dest)
        if type(found) is type(error) and str(found) == str(error):
            value = _value_in_files(conf, group, option)
            return f'[{group}]{option.name} = {value}: {_reason(found, option, value)}'
    for group, name in _all_options(conf):      # those of libraries too
        found = _error_of(conf, group, name)
        if found is None or str(found) != str(error):
            continue
        if isinstance(found, _REFERS_TO_NOTHING):
            # Neither the value, which may hold a password, nor the name that is not known, which is a part of it.
            return f'[{group}]{name} refers to an option that is not known here (a dollar sign is written as $$)'
        return f'[{group}]{name}: {" ".join(str(error).split())}'
    return ' '.join(str(error).split())


def _all_options(conf: cfg.ConfigOpts) -> Iterator[tuple[str, str]]:
    for name in conf:
        if isinstance(_error_of(conf, 'DEFAULT', name), cfg.Error) or not isinstance(conf[name], Mapping):
            yield 'DEFAULT', name
        else:
            yield from ((name, option) for option in conf[name])


def _options() -> Iterator[tuple[str, cfg.Opt]]:
    for group, options in opts.list_opts():
        for option in options:
            yield group, option


def _error_of(conf: cfg.ConfigOpts, group: str, dest: str) -> cfg.Error | None:
    try:
        conf[dest] if group == 'DEFAULT' else conf[group][dest]
    except cfg.Error as error:
        return error
    return None


def _reason(error: cfg.Error, option: cfg.Opt, value: str | None) -> str:
    if isinstance(error, _REFERS_TO_NOTHING):
        return 'refers to an option that is not known here'
    try:
        option.type(value)
    except ValueError as reason:
        return ' '.join(str(reason).split())
    return ' '.join(str(error).split())     # what it refers to is the bad part


def _value_in_files(conf: cfg.ConfigOpts, group: str, option: cfg.Opt) -> str | None:
    """Return the value as it stands in the files, the last one where there are several."""
    names = {(group, option.dest)} | {(old.group or group, (old.name or option.name).replace('-', '_'))
                                      for old in option.deprecated_opts}
    value = None
    for path in files.paths_of(conf):
        for section, name, values in files.entries(path):
            if (section, name) in names:
                value = values[-1]
    return value
