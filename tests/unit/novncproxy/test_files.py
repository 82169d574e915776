# SPDX-License-Identifier: Apache-2.0
import gzip
import os

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy.files import FileTree
from nova_vnc.novncproxy.packed_files import MAX_FILE_BYTES, PackedFiles


@pytest.fixture(scope='module')
def web(tmp_path_factory):
    base = tmp_path_factory.mktemp('web')
    (base / 'secret.txt').write_text('secret')
    root = base / 'novnc'
    (root / 'core').mkdir(parents=True)
    (root / '.git').mkdir()
    (root / '.git' / 'config').write_text('secret')
    (root / 'vnc.html').write_text('installed')
    (root / 'core' / 'rfb.js').write_text('js')
    (root / 'core' / 'index.html').write_text('index')
    (root / 'strange').write_text('?')
    (root / 'vnc_auto.html').symlink_to('vnc.html')
    (root / 'outside.txt').symlink_to('../secret.txt')
    os.mkfifo(root / 'fifo')
    (base / 'novnc-private').mkdir()
    (base / 'novnc-private' / 'key').write_text('secret')
    return root


def read(tree, path):
    served = tree.open(path)
    if served is None:
        return None
    with served.file:
        return served.file.read().decode()


@pytest.mark.parametrize(('path', 'text'), [
    ('/vnc.html', 'installed'), ('/vnc%2Ehtml', 'installed'), ('/core/rfb.js', 'js'), ('/core/', 'index'),
])
def test_serves(web, path, text):
    assert read(FileTree(str(web), True), path) == text


@pytest.mark.parametrize('path', [
    '', '/', '/core', '/nothing', '/../secret.txt', '/core/../../secret.txt', '/%2e%2e/secret.txt',
    '/..%2fsecret.txt', '/outside.txt', '/.git/config', '/core//rfb.js', '//core/rfb.js', '/./vnc.html', '/fifo',
    '/vnc.html%00', '/vnc.html/', '/' + 'a' * 5000, '/../novnc-private/key', '/%ff', '/nova-vnc/', 'vnc.html',
    '/nova-vnc/../vnc_auto.html',
])
def test_serves_not(web, path):
    assert read(FileTree(str(web), True), path) is None


def test_our_page_stands_in_for_the_installed_one(web):
    tree = FileTree(str(web), own_page=True)
    assert 'nova-vnc/main.js' in read(tree, '/vnc_auto.html')
    assert read(tree, '/nova-vnc/main.js')
    served = tree.open('/vnc_auto.html')
    served.file.close()
    assert served.is_own
    assert served.is_page


def test_the_installed_page_where_it_is_wanted(web):
    tree = FileTree(str(web), own_page=False)
    assert read(tree, '/vnc_auto.html') == 'installed'
    assert read(tree, '/nova-vnc/main.js') is None


@pytest.mark.parametrize(('path', 'content_type'), [
    ('/vnc.html', 'text/html; charset=utf-8'), ('/core/rfb.js', 'text/javascript; charset=utf-8'),
    ('/nova-vnc/icon.svg', 'image/svg+xml'), ('/strange', 'application/octet-stream'),
])
def test_content_types_depend_on_no_file_of_the_system(web, path, content_type):
    served = FileTree(str(web), True).open(path)
    served.file.close()
    assert served.content_type == content_type


def test_the_directory_may_be_a_link(web, tmp_path):
    (tmp_path / 'link').symlink_to(web)
    assert read(FileTree(str(tmp_path / 'link'), True), '/vnc.html') == 'installed'


@hypothesis.given(path=st.text('/.%2efF5cabsecrt\\', max_size=40))
def test_nothing_leads_outside(web, path):
    text = read(FileTree(str(web), True), '/' + path)
    assert text is None or 'secret' not in text


def test_a_file_that_has_changed_is_packed_anew(tmp_path):
    tree = FileTree(str(tmp_path), own_page=False)
    for text in ('a' * 1000, 'b' * 1000, 'c' * 1001):
        (tmp_path / 'x.js').write_text(text)
        os.utime(tmp_path / 'x.js', (ord(text[0]), ord(text[0])))
        for _ in range(2):
            served = tree.open('/x.js', takes_gzip=True)
            with served.file:
                data = served.file.read()
            assert served.is_packed
            assert (gzip.decompress(data), len(data)) == (text.encode(), served.size_bytes)


@pytest.mark.parametrize('size', [0, 100, MAX_FILE_BYTES + 1])
def test_small_and_huge_files_go_out_as_they_are(tmp_path, size):
    (tmp_path / 'x.js').write_bytes(b'a' * size)
    served = FileTree(str(tmp_path), own_page=False).open('/x.js', takes_gzip=True)
    with served.file:
        assert len(served.file.read()) == served.size_bytes == size


def test_no_more_is_kept_than_so_much():
    kept = PackedFiles(max_kept_bytes=1020)
    assert kept.add(('a', 1000, 1.0), bytes(1000)) == kept.find(('a', 1000, 1.0))
    assert kept.add(('b', 1000, 1.0), os.urandom(1000)) is None
    assert kept.find(('b', 1000, 1.0)) is None
    # Nor is a file packed that might not be kept: it would be so each time that it is asked for.
    assert kept.add(('c', 1000, 1.0), bytes(1000)) is None
    # In place of its older self there is room.
    assert kept.add(('a', 1000, 2.0), bytes(1000)) is not None
    assert kept.find(('a', 1000, 1.0)) is None


@pytest.mark.parametrize('path', ['/vnc_auto.html', '/nova-vnc/main.js', '/etc/passwd', '/'])
def test_nothing_is_served_from_no_directory(path, monkeypatch, tmp_path):
    (tmp_path / 'vnc_auto.html').touch()
    monkeypatch.chdir(tmp_path)
    assert FileTree('', own_page=True).open(path) is None
    assert FileTree('', own_page=False).open(path) is None
