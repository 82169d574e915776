# SPDX-License-Identifier: Apache-2.0
"""Measure nova-novncproxy and its peers side by side; see benchmarks/README.rst."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks import about, report, scenes
from benchmarks.loads import LOADS
from benchmarks.results import Results
from benchmarks.scenes import BACKENDS, DEFAULT_SCENES, SCENES, say
from tests.fixtures.rabbitmq import RabbitMQ

_PEERS = ('direct', 'haproxy', 'lighttpd', 'websockify', 'nova', *(f'proxy-{backend}' for backend in BACKENDS),
          *(f'engine-{backend}' for backend in BACKENDS))
_EFFORTS = {'full': scenes.FULL, 'quick': scenes.QUICK, 'tiny': scenes.TINY}


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parse_arguments(argv)
    # So that whoever ends this leaves none of the peers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    effort = dataclasses.replace(_EFFORTS[arguments.effort], **{
        name: value for name, value in (('rounds', arguments.rounds), ('seconds', arguments.seconds)) if value})
    results = Results(about=about.describe({
        'effort': arguments.effort, 'rounds': effort.rounds, 'seconds': effort.seconds,
        'scenes': arguments.scenes, 'loads': arguments.loads, 'peers': arguments.peers}))
    say('starting RabbitMQ')
    with tempfile.TemporaryDirectory(prefix='nova-vnc-benchmark-', dir='/tmp') as directory, RabbitMQ() as broker:
        bench = scenes.Bench(results, effort, Path(directory), broker, peer_names=arguments.peers,
                             load_names=arguments.loads)
        for name in arguments.scenes:
            say(f'-- {name}: {SCENES[name].__doc__}')
            SCENES[name](bench)
    if arguments.output:
        report.write(results, arguments.output)
    print(report.format_text(results))


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument('--quick', dest='effort', action='store_const', const='quick', help='in less than 10 minutes')
    effort.add_argument('--tiny', dest='effort', action='store_const', const='tiny', help='to see that all works')
    parser.set_defaults(effort='full')
    for option, known, default in (('scenes', SCENES, DEFAULT_SCENES), ('peers', _PEERS, None), ('loads', LOADS, None)):
        parser.add_argument(f'--{option}', type=_words(known), default=default,
                            help=f'with commas between them: {", ".join(known)}')
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--seconds', type=float, help='for which a load is measured in a round')
    parser.add_argument('--output', type=Path, help='directory for results.json, table and chart')
    arguments = parser.parse_args(argv)
    if arguments.loads and arguments.scenes == DEFAULT_SCENES:
        arguments.scenes = ['plain']
    return arguments


def _words(known: Iterable[str]) -> Callable[[str], list[str]]:
    names = [*known]

    def parse(text: str) -> list[str]:
        wanted = text.split(',')
        unknown = [word for word in wanted if word not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f'unknown: {", ".join(unknown)}; there are {", ".join(names)}')
        return wanted
    return parse


if __name__ == '__main__':
    main()
