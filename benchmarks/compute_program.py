# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-compute with a hypervisor that costs nothing: one VM, whose VNC server's port is in the environment.

Everything else is that command's own; the driver stands where the demo guest's would.
"""

from __future__ import annotations

import os

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt

INSTANCE_UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
PORT_VARIABLE = 'NOVA_VNC_BENCHMARK_VNC_PORT'


def main() -> None:
    interrupt.end_without_words()
    concurrency.patch()
    from nova_vnc import objects
    from nova_vnc.cmd import common
    from nova_vnc.compute import factory
    from nova_vnc.compute.virt.demo import driver as demo
    from nova_vnc.compute.virt.driver import ComputeDriver

    class OneVM(ComputeDriver):

        def start(self, on_change, fail) -> None:
            on_change()

        def stop(self) -> None:
            pass

        def list_instances(self):
            return [objects.InstanceRecord(uuid=INSTANCE_UUID, id=1, name='instance-00000001',
                                           display_name='benchmark', vm_state='active')]

        def get_vnc_console(self, instance_uuid):
            return objects.VNCServerAddress(host='127.0.0.1', port=os.environ[PORT_VARIABLE])

    demo.build_driver = lambda conf: OneVM()
    common.run(None, factory.build_service)


if __name__ == '__main__':
    main()
