# SPDX-License-Identifier: Apache-2.0
"""The words of doc/source/configuration/nova-options.csv for what oslo.config knows of an option."""

from oslo_config import cfg

_TYPES = {'StrOpt': 'string', 'BoolOpt': 'boolean', 'IntOpt': 'integer', 'PortOpt': 'port', 'ListOpt': 'list',
          'URIOpt': 'URI', 'HostAddressOpt': 'address', 'HostDomainOpt': 'host name'}


def type_of(option_class: str) -> str:
    return _TYPES[option_class]


def default_of(option: cfg.Opt) -> str:
    default = option.sample_default or option.default
    if default is None or default == '':
        return ''
    return ', '.join(default) if isinstance(default, list) else str(default)


def old_names_of(group: str, option: cfg.Opt) -> str:
    return ', '.join(f'[{old.group or group}]{old.name or option.name}' for old in option.deprecated_opts)
