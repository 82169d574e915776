# SPDX-License-Identifier: Apache-2.0
"""A server of the small cloud as its tenant sees it, and its QEMU guest."""

from __future__ import annotations

import json

from tests.fixtures.guest import Guest
from tests.fixtures.guest_image import build_typing_disk
from tests.fixtures.libvirt import Libvirtd
from tests.integration.small_cloud.cloud import ADMINISTRATOR, TENANT, SmallCloud, User

_IMAGE = 'typing-disk'
_FLAVOR = 'tiny'


class Server:
    """
    :ivar guest: the same, at its hypervisor
    """

    def __init__(self, cloud: SmallCloud, name: str, uuid: str, guest: Guest) -> None:
        self.name = name
        self.uuid = uuid
        self.guest = guest
        self._cloud = cloud
        self._is_deleted = False

    @classmethod
    def create(cls, cloud: SmallCloud, libvirtd: Libvirtd, name: str) -> Server:
        """Have Glance take an image and Nova boot it, for the tenant, and wait until its screen says so."""
        image_path = cloud.directory / f'{_IMAGE}.raw'
        image_path.write_bytes(build_typing_disk(name))
        cloud.openstack_json(TENANT, 'image', 'create', '--disk-format', 'raw', '--container-format', 'bare', '--file',
                             str(image_path), _IMAGE)
        flavor = cloud.request(ADMINISTRATOR, 'POST', f'{cloud.nova_api.url}/v2.1/flavors', body={
            'flavor': {'name': _FLAVOR, 'ram': 64, 'vcpus': 1, 'disk': 1}})
        assert flavor.ok, flavor.text
        shown = cloud.openstack_json(TENANT, 'server', 'create', '--image', _IMAGE, '--flavor', _FLAVOR, '--nic',
                                     'none', '--wait', name)
        assert shown['status'] == 'ACTIVE', f'{json.dumps(shown)}\n{cloud.errors()}'
        guest = Guest(libvirtd.virsh, libvirtd.virsh('domname', shown['id']).strip(), shown['id'], cloud.directory)
        guest.wait_until_ready()
        return cls(cloud, name, shown['id'], guest)

    def console_url(self, user: User = TENANT) -> str:
        """Ask for a console by `openstack console url show` and return its URL; raises AssertionError."""
        return self._cloud.openstack_json(user, 'console', 'url', 'show', '--novnc', self.uuid)['url']

    def delete(self) -> None:
        """Delete it by `openstack server delete` and wait until it is gone. Idempotent."""
        if self._is_deleted:
            return
        self._is_deleted = True
        done = self._cloud.openstack(TENANT, 'server', 'delete', '--wait', self.uuid)
        assert done.returncode == 0, f'{done.stdout}{done.stderr}\n{self._cloud.errors()}'
