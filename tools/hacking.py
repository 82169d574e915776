# SPDX-License-Identifier: Apache-2.0
"""Rules of this project that no general linter knows; HACKING.rst lists them and says how to add one.

hacking.py PATH... reads the Python files below the paths and prints FILE:LINE:COLUMN: RULE TEXT for each breach. A line
that ends with `# noqa: V301 - the reason` is let off that rule.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Breach(NamedTuple):
    node: ast.AST
    text: str


class Source(NamedTuple):
    """A file; `path` is relative to the root of the source tree, with slashes."""

    path: str
    tree: ast.Module


CONF_DIRECTORY = 'nova_vnc/conf/'
EVENTLET_FILE = 'nova_vnc/concurrency.py'

# The words of a command line that is made of commands are options to oslo.config only.
_OPTION_CLASS = re.compile(r'(?!SubCommandOpt)[A-Z]\w*Opt')
_COUNTED_TYPES = ('IntOpt', 'FloatOpt')
_UNIT = re.compile(r'\b(milliseconds?|seconds?|minutes?|hours?|bytes?|[KMG]iB|per ?cent|most|number of|how many)\b',
                   re.IGNORECASE)
_LOG_NAME = re.compile(r'_?(LOG|log|logger)')
_LOG_METHODS = ('debug', 'info', 'warning', 'warn', 'error', 'exception', 'critical', 'log')
# What holds a token: the token itself, a console URL, what a browser sends.
_SECRET_NAME = re.compile(r'(\w*_)?(tokens?|access_url|console_url|cookies?|requestline|authorization)', re.IGNORECASE)
_GREEN_PACKAGES = ('eventlet', 'greenlet', 'gevent')


def check_options_only_in_conf(source: Source) -> Iterator[Breach]:
    """V301: an option is defined in nova_vnc/conf/ and nowhere else."""
    if source.path.startswith(CONF_DIRECTORY):
        return
    for call in _calls(source.tree):
        if _OPTION_CLASS.fullmatch(_last_name(call.func)):
            yield Breach(call, 'define options in nova_vnc/conf/')


def check_option_help(source: Source) -> Iterator[Breach]:
    """V302: the help of an option starts with a capital and, for a number, names its unit."""
    if not source.path.startswith(CONF_DIRECTORY):
        return
    for call in _calls(source.tree):
        kind = _last_name(call.func)
        if not _OPTION_CLASS.fullmatch(kind) or kind == 'DeprecatedOpt':
            continue
        text = _help_text(call)
        if not text[:1].isupper():
            yield Breach(call, 'help starts with a capital')
        elif kind in _COUNTED_TYPES and not _UNIT.search(text):
            yield Breach(call, 'help names the unit: seconds, bytes, "most ...", "number of ..."')


def check_no_token_in_logs(source: Source) -> Iterator[Breach]:
    """V303: no argument of a log call is a token, or holds one."""
    for call in _calls(source.tree):
        if not (isinstance(call.func, ast.Attribute) and call.func.attr in _LOG_METHODS
                and _LOG_NAME.fullmatch(_last_name(call.func.value))):
            continue
        for name in _names_in([*call.args, *(keyword.value for keyword in call.keywords)]):
            if _SECRET_NAME.fullmatch(name):
                yield Breach(call, f'{name} holds a token; tokens stay out of the log')


def check_no_eventlet(source: Source) -> Iterator[Breach]:
    """V304: concurrency is written in the words of the standard library; eventlet is imported in one file."""
    if source.path == EVENTLET_FILE:
        return
    for node in ast.walk(source.tree):
        for module in _imported_modules(node):
            if module.split('.')[0] in _GREEN_PACKAGES:
                yield Breach(node, f'{module}: use threading, socket and queue, or nova_vnc.concurrency')


CHECKS: dict[str, Callable[[Source], Iterator[Breach]]] = {
    'V301': check_options_only_in_conf,
    'V302': check_option_help,
    'V303': check_no_token_in_logs,
    'V304': check_no_eventlet,
}


def check_text(path: str, text: str) -> list[str]:
    """Return a line for each breach in a file with this text.

    :param path: relative to the root of the source tree
    """
    source = Source(path, ast.parse(text, path))
    lines = text.splitlines()
    found = [(breach.node.lineno, breach.node.col_offset + 1, rule, breach.text)
             for rule, check in CHECKS.items() for breach in check(source)
             if not _is_let_off(rule, lines[breach.node.lineno - 1:breach.node.end_lineno])]
    return [f'{path}:{line}:{column}: {rule} {message}' for line, column, rule, message in sorted(found)]


def _is_let_off(rule: str, lines: Iterable[str]) -> bool:
    return any(re.search(rf'# noqa: [\w, ]*\b{rule}\b', line) for line in lines)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _last_name(node: ast.AST) -> str:
    """Return `c` for a.b.c and for c, '' for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ''


def _help_text(call: ast.Call) -> str:
    for keyword in call.keywords:
        if keyword.arg == 'help' and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value).strip()
    return ''


def _names_in(nodes: Iterable[ast.expr]) -> Iterator[str]:
    """Yield the names of variables, attributes and keys that are used as values; what is only called is none."""
    for root in nodes:
        called = {id(call.func) for call in _calls(root)}
        for node in ast.walk(root):
            if isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in called:
                yield _last_name(node)
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                yield str(node.slice.value)
            elif isinstance(node, ast.Call) and _last_name(node.func) == 'get':
                yield from (str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant))


def _imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or '']
    if isinstance(node, ast.Call) and _last_name(node.func) in ('import_module', '__import__'):
        return [str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant)]
    return []


def main(paths: list[str]) -> int:
    files = sorted(file for path in paths for file in Path(path).rglob('*.py'))
    breaches = [line for file in files for line in check_text(file.as_posix(), file.read_text())]
    print('\n'.join([*breaches, f'{len(files)} files, {len(breaches)} breaches of local rules']))
    return 1 if breaches else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
