# SPDX-License-Identifier: Apache-2.0
"""How often oslo.messaging's readers of requests and replies look up from their connection.

They wait for the next message 1 ms after the last one, then 2, 4 and so on up to 5 s, so as to send acknowledgements
in between that are not sent at once (amqpdriver, ACK_REQUEUE_EVERY_SECONDS_MIN). Those of RPC are sent at once, so that
each wait that ends without a message is for nothing: with one call at a time three of them a call, which took 1.1 of
the 2.7 ms of CPU of a call in a profile. There is no option for it; where a release lacks the constant, all works as
before.
"""

from __future__ import annotations

from oslo_messaging._drivers import amqpdriver

_CONSTANT = 'ACK_REQUEUE_EVERY_SECONDS_MIN'
# Also for how long a reader that was just busy may take to notice that it is to stop.
_FIRST_WAIT_S = 0.1


def calm() -> None:
    """Have those that are made from now on wait longer."""
    if hasattr(amqpdriver, _CONSTANT):
        setattr(amqpdriver, _CONSTANT, _FIRST_WAIT_S)
