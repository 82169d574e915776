# SPDX-License-Identifier: Apache-2.0
"""The files of the small cloud's services, after OpenStack's installation guide; one nova.conf serves all of Nova."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fixtures.keystone import REGION

SERVICE_PASSWORD = 'service-password'
HOST = 'small-cloud'

Conf = dict[str, dict[str, Any]]
DatabaseUrl = Callable[[str], str]


def nova_conf(directory: Path, venv: Path, *, transport_url: str, database_url: DatabaseUrl, auth_url: str,
              libvirt_uri: str, proxy_port: int) -> Conf:
    return {
        'DEFAULT': {
            'transport_url': transport_url, 'my_ip': '127.0.0.1', 'host': HOST, 'state_path': directory / 'nova',
            'log_dir': directory / 'log', 'compute_driver': 'libvirt.LibvirtDriver',
        },
        'api': {'auth_strategy': 'keystone'},
        'api_database': {'connection': database_url('nova_api')},
        'database': {'connection': database_url('nova')},
        'keystone_authtoken': {'www_authenticate_uri': auth_url, **_credentials(auth_url, 'nova')},
        'service_user': {'send_service_user_token': True, **_credentials(auth_url, 'nova')},
        'placement': {'region_name': REGION, **_credentials(auth_url, 'placement')},
        'glance': {'region_name': REGION},
        'neutron': {'region_name': REGION, **_credentials(auth_url, 'neutron')},
        'oslo_concurrency': {'lock_path': directory / 'nova/lock'},
        'scheduler': {'workers': 1, 'discover_hosts_in_cells_interval': 2},
        'conductor': {'workers': 1},
        'libvirt': {'virt_type': 'qemu', 'connection_uri': libvirt_uri},
        # The default is sudo, which root does not need.
        'nova_sys_admin': {'helper_command': f'{venv}/bin/privsep-helper --config-file {directory}/nova.conf'},
        'vnc': {
            'enabled': True, 'server_listen': '127.0.0.1', 'server_proxyclient_address': '$my_ip',
            'novncproxy_host': '127.0.0.1', 'novncproxy_port': proxy_port,
            'novncproxy_base_url': f'http://127.0.0.1:{proxy_port}/vnc_auto.html',
        },
    }


def glance_conf(directory: Path, venv: Path, *, database_url: DatabaseUrl, auth_url: str) -> Conf:
    stores = {f'os_glance_{name}_store': {'filesystem_store_datadir': directory / 'glance' / name}
              for name in ('staging', 'tasks')}
    return {
        'DEFAULT': {'enabled_backends': 'files:file', 'log_file': directory / 'log/glance.log'},
        'database': {'connection': database_url('glance')},
        'keystone_authtoken': {'www_authenticate_uri': auth_url, **_credentials(auth_url, 'glance')},
        'paste_deploy': {'flavor': 'keystone', 'config_file': venv / 'etc/glance/glance-api-paste.ini'},
        'glance_store': {'default_backend': 'files'},
        'files': {'filesystem_store_datadir': directory / 'glance/images'},
        **stores,
    }


def placement_conf(directory: Path, *, database_url: DatabaseUrl, auth_url: str) -> Conf:
    return {
        'DEFAULT': {'log_file': directory / 'log/placement.log'},
        'placement_database': {'connection': database_url('placement')},
        'api': {'auth_strategy': 'keystone'},
        'keystone_authtoken': {'www_authenticate_uri': auth_url, **_credentials(auth_url, 'placement')},
    }


def _credentials(auth_url: str, user: str) -> dict[str, Any]:
    return {'auth_url': auth_url, 'auth_type': 'password', 'username': user, 'password': SERVICE_PASSWORD,
            'user_domain_name': 'Default', 'project_name': 'service', 'project_domain_name': 'Default'}
