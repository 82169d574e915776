# SPDX-License-Identifier: Apache-2.0
"""Compute hosts where each console is where it was: argv is transport_url.

It takes the messages to all hosts, on one queue, answers that it is so, and costs as little as possible. Prints a line
once it listens.
"""

from __future__ import annotations

import json
import sys
import uuid

import amqp

from benchmarks.bus_calls import EXCHANGE, connect
from nova_vnc.rpc import compute

_QUEUE = 'benchmark-compute'


def main() -> None:
    connection = connect(sys.argv[1])
    channel = connection.channel()

    def answer(message: amqp.Message) -> None:
        call = json.loads(json.loads(message.body)['oslo.message'])
        reply = {'result': True, 'failure': None, 'ending': True, '_msg_id': call['_msg_id'],
                 '_unique_id': uuid.uuid4().hex}
        body = json.dumps({'oslo.version': '2.0', 'oslo.message': json.dumps(reply)})
        channel.basic_publish(amqp.Message(body, content_type='application/json', content_encoding='utf-8'), '',
                              call['_reply_q'])

    channel.exchange_declare(EXCHANGE, 'topic', durable=False, auto_delete=False)
    channel.queue_declare(_QUEUE, exclusive=True, auto_delete=True)
    channel.queue_bind(_QUEUE, EXCHANGE, f'{compute.TOPIC}.*')
    channel.basic_consume(_QUEUE, no_ack=True, callback=answer)
    print('listening', flush=True)
    while True:
        connection.drain_events()


if __name__ == '__main__':
    main()
