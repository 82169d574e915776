# SPDX-License-Identifier: Apache-2.0
"""What the documentation claims and a program can check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docutils import core, nodes
from oslo_config import cfg

from nova_vnc import conf as nova_vnc_conf
from nova_vnc.conf import opts

ROOT = Path(__file__).parents[2]
BAD_DAYS = ROOT / 'doc/source/admin/bad-days.rst'
ARCHITECTURE = ROOT / 'doc/source/contributor/architecture.rst'
# They start threads for others, who name them.
STARTERS_OF_THREADS = ('threads.py', 'concurrency.py', 'background.py', 'spare_threads.py')
THREADS_OF_LIBRARIES = ('CP Server *', 'Thread-*', 'Rabbit-*')


def names_of_tests() -> set[str]:
    """Return all tests as pytest names them, but without `tests/` in front: unit/test_docs.py::TestBadDays::test_..."""
    names = set()
    for path in (ROOT / 'tests').rglob('test_*.py'):
        body = ast.parse(path.read_text()).body
        scopes = [('', body), *((f'{node.name}::', node.body) for node in body if isinstance(node, ast.ClassDef))]
        names |= {f'{path.relative_to(ROOT / "tests")}::{scope}{node.name}' for scope, nodes in scopes
                  for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith('test_')}
    return names


def rows_of_bad_days() -> Iterator[list[nodes.entry]]:
    document = core.publish_doctree(BAD_DAYS.read_text(), settings_overrides={'report_level': 3})
    for body in document.findall(nodes.tbody):
        for row in body.findall(nodes.row):
            yield list(row.findall(nodes.entry))


class TestBadDays:

    def test_each_row_names_tests_that_exist(self) -> None:
        known = names_of_tests()
        missing = {}
        for event, *_, tests in rows_of_bad_days():
            named = [literal.astext() for literal in tests.findall(nodes.literal)]
            if not named or not known.issuperset(named):
                missing[event.astext()] = [name for name in named if name not in known] or 'names none'
        assert missing == {}

    def test_each_row_is_complete(self) -> None:
        assert [row[0].astext() for row in rows_of_bad_days() if not all(cell.astext() for cell in row)] == []


def rows_of_threads() -> dict[str, list[nodes.entry]]:
    """Return the rows of the table of threads by the thread's name."""
    text = ARCHITECTURE.read_text().partition('\nThreads\n-------\n')[2].partition('\nMore than one worker')[0]
    document = core.publish_doctree(text, settings_overrides={'report_level': 3})
    rows = [list(row.findall(nodes.entry)) for body in document.findall(nodes.tbody) for row in body.findall(nodes.row)]
    return {row[0].astext(): row for row in rows}


def names_of_threads() -> Iterator[str]:
    """Return the names that our sources give to threads, with * for what differs from thread to thread."""
    for path in (ROOT / 'nova_vnc').rglob('*.py'):
        if path.name not in STARTERS_OF_THREADS:
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call):
                    yield from name_of_thread(call, path)


def name_of_thread(call: ast.Call, path: Path) -> Iterator[str]:
    called = ast.unparse(call.func)
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if called == 'SharedCalls' and not call.args:   # one that has no threads of its own
        return
    if called in ('threads.start', 'threads.start_native', 'SharedCalls', 'SpareThreads'):
        name: ast.expr | None = call.args[0]
    elif called == 'background.start':
        name = call.args[1]
        if path.name == 'shared_calls.py':  # the name that its SharedCalls was given
            return
    elif called == 'threading.Thread':
        name = keywords.get('name')
    elif called.endswith('ThreadPoolExecutor'):
        name = keywords.get('thread_name_prefix')
    else:
        return
    if isinstance(name, ast.JoinedStr):
        yield ''.join(str(part.value) if isinstance(part, ast.Constant) else '*' for part in name.values)
    else:
        yield str(name.value) if isinstance(name, ast.Constant) else f'a thread without name in {path}:{call.lineno}'


class TestThreads:

    def test_each_has_a_row(self) -> None:
        assert [name for name in names_of_threads() if name not in rows_of_threads()] == []

    def test_each_row_is_of_one_that_there_is(self) -> None:
        names = {*names_of_threads(), *THREADS_OF_LIBRARIES}
        assert [name for name in rows_of_threads() if name not in names] == []

    def test_each_row_names_a_test_that_exists(self) -> None:
        known = names_of_tests()
        assert [name for name, row in rows_of_threads().items()
                if not known.issuperset(named := [literal.astext() for literal in row[-1].findall(nodes.literal)])
                or not named] == []


class TestListingOfRooms:

    def test_it_has_a_line_for_each_package_and_module(self) -> None:
        listing = ARCHITECTURE.read_text().split('::\n\n    nova_vnc/\n')[1].split('\n\n')[0]
        # Two columns: what a name stands for may go on in the second.
        entries = [line for line in listing.splitlines() if not re.match(r' {22}\S', line)]
        named = [match[1] for line in entries if (match := re.fullmatch(r' {6}(\S+) +\S.*', line))]
        there = [f'{path.name}/' if path.is_dir() else path.name for path in (ROOT / 'nova_vnc').iterdir()
                 if (path / '__init__.py').exists() or (path.suffix == '.py' and path.name != '__init__.py')]
        assert (len(named), sorted(named)) == (len(entries), sorted(there))


def ini_blocks(path: Path) -> list[str]:
    """Return the texts of the `code-block:: ini` directives of a page."""
    blocks = re.findall(r'^\.\. code-block:: ini\n\n((?:(?: {4}.*)?\n)+)', path.read_text(), re.MULTILINE)
    return [re.sub(r'^ {4}', '', block, flags=re.MULTILINE) for block in blocks]


class TestConfigurationOfReadme:

    @pytest.mark.parametrize('block', ini_blocks(ROOT / 'README.rst'))
    def test_options_exist_and_have_values_they_can_have(self, block: str, tmp_path: Path) -> None:
        path = tmp_path / 'nova.conf'
        path.write_text(block)
        conf = cfg.ConfigOpts()
        nova_vnc_conf.register_opts(conf)
        known = {(group, option.dest) for group, options in opts.list_opts() for option in options}
        conf(['--config-file', str(path)], default_config_dirs=[])
        for group, name in options_in(block):
            if (group, name) != ('DEFAULT', 'transport_url'):   # oslo.messaging's
                assert (group, name) in known
                assert conf[name] if group == 'DEFAULT' else conf[group][name]

    def test_there_is_one_for_each_kind_of_host(self) -> None:
        assert len(ini_blocks(ROOT / 'README.rst')) == 2


def options_in(block: str) -> Iterator[tuple[str, str]]:
    group = ''
    for line in block.splitlines():
        if line.startswith('['):
            group = line.strip('[]')
        elif line and not line.startswith('#'):
            yield group, line.partition('=')[0].strip()
