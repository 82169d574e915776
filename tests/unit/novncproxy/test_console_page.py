# SPDX-License-Identifier: Apache-2.0
"""What the console page has to agree with the proxy about, and what it may weigh."""

import re
from pathlib import Path

from nova_vnc.novncproxy import proxy, registry, session_timeout
from nova_vnc.novncproxy.files import OWN_FILES, FileTree
from nova_vnc.novncproxy.refusal import Refusal

_PAGE = OWN_FILES / 'vnc_auto.html'
_MODULES = OWN_FILES / 'nova-vnc'
# Before noVNC's own files.
_MAX_BYTES = 60 * 1024


def test_what_the_proxy_says_has_a_key_to_be_translated_by():
    words = (_MODULES / 'words/en.js').read_text()
    texts = {text for _, text in re.findall(r"'server\.[a-z-]+': (['\"])(.*)\1,", words)}
    # What a browser never gets.
    programs = {Refusal.CLIENT_SILENT, Refusal.CLIENT_NOT_VNC}
    said = {refusal.text for refusal in Refusal if refusal not in programs}
    assert texts == said | {session_timeout.TEXT, registry._DISPLACED[1], proxy._STOPPING}


def test_the_page_is_small():
    """All that a browser loads of ours, with one more language, as it goes over the wire."""
    tree = FileTree(str(OWN_FILES), own_page=True)

    def size(path: Path) -> int:
        served = tree.open(f'/{path.relative_to(OWN_FILES)}', takes_gzip=True)
        served.file.close()
        return served.size_bytes

    files = [OWN_FILES / 'vnc_auto.html', *_MODULES.glob('*.*'), _MODULES / 'words/en.js']
    assert sum(map(size, files)) + max(map(size, (_MODULES / 'words').glob('*.js'))) < _MAX_BYTES


def test_what_the_first_picture_needs_is_small_even_unpacked():
    needed = {OWN_FILES / name for name in re.findall(r'(?:src|href)="(nova-vnc/[^"]+)"', _PAGE.read_text())}
    assert sum(path.stat().st_size for path in {_PAGE, *needed}) < _MAX_BYTES


def test_the_page_asks_at_once_for_all_that_the_first_picture_needs():
    main = _MODULES / 'main.js'
    needed, new = set(), {main}
    while new:
        needed |= new
        new = {(path.parent / name).resolve() for path in new
               for name in re.findall(r"^(?:import|\}) .*from '(\./[^']+)'", path.read_text(), re.MULTILINE)} - needed
    asked = set(re.findall(r'<link rel="modulepreload" href="([^"]+)"', _PAGE.read_text()))
    assert asked == {str(path.relative_to(OWN_FILES)) for path in needed - {main}}


def test_the_page_loads_nothing_but_its_own_files_and_novnc():
    for path in [OWN_FILES / 'vnc_auto.html', *_MODULES.rglob('*.js'), *_MODULES.rglob('*.css')]:
        text = path.read_text()
        assert not re.search(r'(?:src|href)="(?!nova-vnc/|core/)', text), path
        assert not re.search(r'from \'(?!\./)|import\([\'"`](?!\./|\.\./core/)|@import|url\((?!data:)', text), path
        assert not re.search(r'<script(?![^>]*\bsrc=)|\son[a-z]+="|\sstyle="', text), path
