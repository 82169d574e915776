# SPDX-License-Identifier: Apache-2.0
import json
import os
import re

import pytest

from nova_vnc import exception
from nova_vnc.novncproxy import branding
from nova_vnc.novncproxy.files import FileTree

PNG = b'\x89PNG\r\n\x1a\n' + bytes(100)
SVG = b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a licence -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'


def test_nothing_is_set():
    assert branding.read('', '', ' ').files() == {'site.json': b'{}'}


@pytest.mark.parametrize(('data', 'name'), [(PNG, 'logo.png'), (SVG, 'logo.svg')])
def test_what_the_page_is_told(tmp_path, data, name):
    (tmp_path / 'picture').write_bytes(data)
    files = branding.read(str(tmp_path / 'picture'), ' https://cloud.example.org/x?y=1 ', 'a  <b>\n\u1ec7').files()
    assert json.loads(files.pop('site.json')) == {
        'logo': name, 'home_url': 'https://cloud.example.org/x?y=1', 'banner': 'a <b> \u1ec7'}
    assert files == {name: data}


@pytest.mark.parametrize(('data', 'why'), [
    (b'', 'is neither an SVG (uncompressed) nor a PNG'), (b'GIF89a' + bytes(50), 'neither an SVG'),
    (b' ' * 5000 + SVG, 'neither an SVG'),
    (PNG + bytes(branding.MAX_LOGO_BYTES), 'has more than 256 KiB'),
])
def test_a_file_that_is_no_logo(tmp_path, data, why):
    (tmp_path / 'logo').write_bytes(data)
    with pytest.raises(exception.ConfigurationError, match=re.escape(why)) as caught:
        branding.read(str(tmp_path / 'logo'), '', '')
    assert str(caught.value).startswith(f'[novncproxy]console_page_logo = {tmp_path}/logo: ')


def test_a_logo_that_cannot_be_read(tmp_path):
    os.mkfifo(tmp_path / 'fifo')
    for path, why in ((tmp_path / 'nothing', 'No such file or directory'), (tmp_path, 'Is a directory'),
                      (tmp_path / 'fifo', 'that is no file')):
        with pytest.raises(exception.ConfigurationError) as caught:
            branding.read(str(path), '', '')
        assert str(caught.value) == f'[novncproxy]console_page_logo = {path}: {why}.'


@pytest.mark.parametrize('url', [
    'javascript:alert(1)', 'cloud.example.org', '//cloud.example.org/', '/x', 'https://', 'ftp://cloud.example.org/',
    'https://user:secret@cloud.example.org/', 'https://cloud.example.org:port/', 'https://[::1/', 'https://a b/',
    'https://cloud.example.org/\x00', 'https://cloud.example.org/' + 'x' * 2000,
])
def test_what_is_no_address_of_a_page(url):
    with pytest.raises(exception.ConfigurationError, match=r'\[novncproxy\]console_page_home_url = '):
        branding.read('', url, '')


def test_a_banner_that_is_too_long():
    assert branding.read('', '', 'x' * 500).banner == 'x' * 500
    with pytest.raises(exception.ConfigurationError, match='501 characters, at most 500 are shown'):
        branding.read('', '', 'x' * 501)


def test_our_page_alone_has_it(tmp_path):
    added = branding.Branding(SVG, 'logo.svg').files()
    with FileTree(str(tmp_path), True, added).open('/nova-vnc/logo.svg').file as file:
        assert file.read() == SVG
    tree = FileTree(str(tmp_path), False, added)
    assert tree.open('/nova-vnc/logo.svg') is None
    assert tree.open('/nova-vnc/site.json') is None
