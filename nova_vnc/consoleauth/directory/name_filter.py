# SPDX-License-Identifier: Apache-2.0
"""The `name` filter of a list of VMs.

Nova hands the caller's regular expression to its database (REGEXP), where it finds the name anywhere unless anchored.
Clients that look for one VM send its name as it is (openstacksdk, and with it python-openstackclient) or as ^NAME$.
Running callers' expressions can take for ever, so only what LIKE can say is understood: ^ and $, `.`, `.*`, `.+`, and
characters escaped by a backslash. Anything else means itself, so that a VM called `web (old)` is found by its name.
"""

from __future__ import annotations

import re

# The escape character of the patterns made here; db.instances.page names it to the database.
ESCAPE = '!'

_TOKEN = re.compile(r'(?P<wild>\.[*+]?)|\\(?P<escaped>.)|(?P<special>[*+?()\[\]{}|^$\\])|(?P<plain>.)', re.DOTALL)
_WILD = {'.': '_', '.*': '%', '.+': '_%'}


def build_like(name: str) -> str:
    """Return the pattern of LIKE for a name filter."""
    body, at_start, at_end = _strip_anchors(name)
    pattern = _translate(body)
    if pattern is None:
        return f'%{_literal(name)}%'
    return f'{"" if at_start else "%"}{pattern}{"" if at_end else "%"}'


def _strip_anchors(name: str) -> tuple[str, bool, bool]:
    at_start = name.startswith('^')
    body = name[1:] if at_start else name
    backslashes = len(body) - 1 - len(body[:-1].rstrip('\\'))
    at_end = body.endswith('$') and backslashes % 2 == 0
    return (body[:-1] if at_end else body), at_start, at_end


def _translate(body: str) -> str | None:
    """Return None for an expression that LIKE cannot say."""
    pattern = ''
    for found in _TOKEN.finditer(body):
        if found['special']:
            return None
        if found['wild']:
            pattern += _WILD[found['wild']]
        elif found['escaped'] and found['escaped'].isalnum():
            return None     # a class such as \d
        else:
            pattern += _literal(found['escaped'] or found['plain'])
    return pattern


def _literal(text: str) -> str:
    return re.sub(r'[!%_]', lambda found: ESCAPE + found[0], text)
