# SPDX-License-Identifier: Apache-2.0
"""Is it true what the table of options says: that the test fails when the option is ignored?

ignored_options.py [GROUP.NAME...] runs the test of each option (default: of all that have one) with everybody deaf to
that option, and prints those whose test passes all the same. It takes a few minutes, so it is run by whoever changes
the table. The tests need to pass otherwise.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / 'doc/source/configuration/nova-options.csv'
DEAF = Path(__file__).with_name('ignored_option')


def main(names: list[str]) -> int:
    liars = []
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            name = row['option'].removeprefix('[').replace(']', '.')
            if row['test'].startswith('tests/') and (not names or name in names):
                passed = passes_without(name, row['test'])
                print(f'{"PASSES" if passed else "fails":7}{name}  {row["test"]}', flush=True)
                liars += [name] if passed else []
    return 1 if liars else 0


def passes_without(name: str, test: str) -> bool:
    environment = {**os.environ, 'IGNORED_OPTION': name, 'PYTHONPATH': str(DEAF)}
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', test]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)  # noqa: S603 - our table
    if done.returncode not in (0, 1):
        raise SystemExit(f'{test} cannot be run:\n{done.stdout}{done.stderr}')
    return done.returncode == 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
