# SPDX-License-Identifier: Apache-2.0
"""Running a machine over a connection, whatever that is."""

from __future__ import annotations

from collections.abc import Callable

from nova_vnc.rfb.machine import Machine

_READ_BYTES = 4096


def _start_no_tls() -> None:
    raise ValueError('this conversation starts TLS, and the caller gave no way to')


def drive(machine: Machine, read: Callable[[int], bytes], write: Callable[[bytes], None],
          early: bytes = b'', start_tls: Callable[[], None] = _start_no_tls) -> bytes:
    """Carry bytes between a machine and its peer until the machine is done.

    :param read: returns at most so many bytes, at least one, and b'' at the end of the connection
    :param write: sends all it is given
    :param early: bytes of the peer's that were read before, such as the trailing_data of the
        machine before this one
    :param start_tls: carries out the handshake of TLS; read and write are those inside of TLS then.
        For machines that can start it
    :returns: the bytes read beyond the machine's end
    :raises RFBError: the machine's error, after what it had to answer was sent

    What read, write and start_tls raise passes through.
    """
    _flush(machine, write)
    while early or not machine.done:
        try:
            if machine.starts_tls:
                start_tls()
                machine.tls_started()
            else:
                data = early or read(_READ_BYTES)
                early = b''
                machine.receive_data(data)
        finally:
            _flush(machine, write)
    return machine.trailing_data


def _flush(machine: Machine, write: Callable[[bytes], None]) -> None:
    data = machine.data_to_send()
    if data:
        write(data)
