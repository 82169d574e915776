# SPDX-License-Identifier: Apache-2.0
"""Which unit tests are run under one backend only, since there is no thread, socket or bus in what they test."""

from __future__ import annotations

from pathlib import Path

import pytest

_DIRECTORY = Path(__file__).parent

# Files, and directories whose files are all so.
_ONCE = (
    'api/test_validation.py', 'cmd/test_policy_tools.py', 'compute/virt/demo/test_messages.py', 'conf', 'devstack',
    'consoleauth/directory/test_claims.py', 'consoleauth/directory/test_ownership.py',
    'consoleauth/stores/test_epochs.py', 'novncproxy/test_header_fields.py', 'novncproxy/test_ranking.py',
    'novncproxy/test_request_scan.py', 'rfb', 'test_access_url.py', 'test_docs.py', 'test_objects.py', 'tools', 'web')


@pytest.hookimpl(tryfirst=True)     # pytest's own hook applies -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(_DIRECTORY / name in (item.path, *item.path.parents) for name in _ONCE):
            item.add_marker('once')
