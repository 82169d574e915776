# SPDX-License-Identifier: Apache-2.0
"""python -m benchmarks: see README.rst."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import native, table
from benchmarks.loads import LOADS
from benchmarks.native import VncServer
from benchmarks.peers import BareEngine, Direct, HAProxy, Lighttpd, NovncProxy, Peer, Websockify
from benchmarks.process_tree import ProcessTree
from benchmarks.results import Results

PEERS: dict[str, Callable[[VncServer], Peer]] = {
    'direct': Direct,
    'haproxy': HAProxy,
    'lighttpd': Lighttpd,
    'websockify': Websockify,
    'proxy-threading': lambda server: NovncProxy(server, 'threading'),
    'proxy-eventlet': lambda server: NovncProxy(server, 'eventlet'),
    'engine-threading': lambda server: BareEngine(server, 'threading'),
    'engine-eventlet': lambda server: BareEngine(server, 'eventlet'),
}


def main() -> None:
    arguments = parse_arguments()
    native.allow_many_files()
    results = Results()
    with contextlib.ExitStack() as parts:
        server = parts.enter_context(VncServer())
        peers = []
        for name in arguments.peers:
            print(f'starting {name}', file=sys.stderr)
            peers.append(parts.enter_context(PEERS[name](server)))
        server_tree = ProcessTree([server.pid])
        for number in range(arguments.rounds):
            for load in arguments.loads:
                print(f'round {number + 1} of {arguments.rounds}: {load}', file=sys.stderr)
                for peer in peers:
                    results.add(load, peer.name, LOADS[load].measure(peer, server_tree, arguments.seconds))
    print(table.format_text(results, 'haproxy'))
    if arguments.json:
        results.write(arguments.json)


def parse_arguments() -> argparse.Namespace:
    def words(known: dict[str, object]) -> Callable[[str], list[str]]:
        def parse(text: str) -> list[str]:
            wanted = text.split(',')
            unknown = [word for word in wanted if word not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f'unknown: {", ".join(unknown)}; there are {", ".join(known)}')
            return wanted
        return parse

    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('--peers', type=words(PEERS),
                        default=['direct', 'haproxy', 'proxy-threading', 'proxy-eventlet'],
                        help=f'with commas between them: {", ".join(PEERS)}')
    parser.add_argument('--loads', type=words(LOADS), default=[*LOADS],
                        help=f'with commas between them: {", ".join(LOADS)}')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=1.0, help='for which a load is measured in a round')
    parser.add_argument('--json', type=Path, help='file for the results')
    return parser.parse_args()


if __name__ == '__main__':
    main()
