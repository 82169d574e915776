# SPDX-License-Identifier: Apache-2.0
"""Playing RFB machines: against a script of bytes, and against each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from nova_vnc.rfb.errors import RFBError
from nova_vnc.rfb.machine import Machine


def play(machine: Machine, pieces: Iterable[bytes]) -> tuple[bytes, str | None]:
    """Feed the pieces and return all that the machine sent, and its error as text or None."""
    sent = machine.data_to_send()
    try:
        for piece in pieces:
            machine.receive_data(piece)
            sent += machine.data_to_send()
    except RFBError as error:
        return sent + machine.data_to_send(), f'{type(error).__name__}: {error}'
    return sent, None


def connect(client: Machine, server: Machine) -> None:
    """Carry bytes between two machines until neither has any left to say."""
    while True:
        from_server, from_client = server.data_to_send(), client.data_to_send()
        if not from_server and not from_client:
            return
        if from_server:
            client.receive_data(from_server)
        if from_client:
            server.receive_data(from_client)


def split(data: bytes, borders: Iterable[int]) -> list[bytes]:
    """Cut data at the borders (any integers); no piece is empty, as b'' would mean EOF."""
    cuts = sorted({0, len(data), *(border % (len(data) + 1) for border in borders)})
    return [data[start:end] for start, end in itertools.pairwise(cuts)]


def one_by_one(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]
