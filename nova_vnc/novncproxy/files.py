# SPDX-License-Identifier: Apache-2.0
"""The files that the proxy serves: those of noVNC, and its own page over them."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from urllib import parse

from nova_vnc.novncproxy.packed_files import MAX_FILE_BYTES, MIN_BYTES, PackedFiles

# Not the file is what is missing.
_WANT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

# Our own files; what the page needs lies below a name that noVNC does not use.
OWN_FILES = Path(__file__).with_name('web')
OWN_PAGE = 'vnc_auto.html'
_OWN_DIRECTORY = 'nova-vnc'

_HTML = 'text/html; charset=utf-8'
_CONTENT_TYPES = {
    '.html': _HTML,
    '.js': 'text/javascript; charset=utf-8',
    '.mjs': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.json': 'application/json',
    '.map': 'application/json',
    '.webmanifest': 'application/manifest+json',
    '.txt': 'text/plain; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.png': 'image/png',
    '.jpg': 'image/jpeg',
    '.gif': 'image/gif',
    '.ico': 'image/x-icon',
    '.wasm': 'application/wasm',
    '.woff': 'font/woff',
    '.woff2': 'font/woff2',
    '.ttf': 'font/ttf',
    '.mp3': 'audio/mpeg',
    '.oga': 'audio/ogg',
}


# Beside text/*; fonts, pictures and sounds are packed already.
_PACKABLE = ('application/json', 'application/manifest+json', 'image/svg+xml', 'application/wasm')


@dataclasses.dataclass(frozen=True)
class ServedFile:
    """An open file.

    :ivar size_bytes: of what is read, packed or not
    :ivar is_own: it is ours, not noVNC's
    :ivar is_packed: it is read with gzip around it
    """

    file: BinaryIO
    size_bytes: int
    modified_at: float
    content_type: str
    is_own: bool
    is_packed: bool = False

    @property
    def is_packable(self) -> bool:
        """Whether others may get it packed, or not."""
        return self.content_type.startswith('text/') or self.content_type in _PACKABLE

    @property
    def is_drawing(self) -> bool:
        """Whether it is a picture that could hold a script."""
        return self.content_type == 'image/svg+xml'

    @property
    def is_page(self) -> bool:
        return self.content_type == _HTML


class FileTree:
    """Finds files by the path of a URL.

    Nothing outside the directories is served, whatever links lead there, and nothing whose name begins with a dot: the
    directory may be a git clone.

    :param web: the directory with noVNC; '' serves nothing
    :param own_page: whether our console page stands in for the file of its name
    :param added: what else our page finds beside its own files, by name (branding.py)
    """

    def __init__(self, web: str, own_page: bool, added: Mapping[str, bytes] | None = None) -> None:
        self._web = web
        self._own = str(OWN_FILES)
        self._own_page = own_page
        self._added = {(_OWN_DIRECTORY, name): data for name, data in (added or {}).items()}
        # Not that of the file: a package may give all of its files the same.
        self._added_at = float(int(time.time()))
        self._packed = PackedFiles()

    def open(self, url_path: str, takes_gzip: bool = False) -> ServedFile | None:
        """Return the regular file at a path, without query; index.html for a directory that ends in a slash.

        :param takes_gzip: it may be packed
        :raises OSError: for want of file descriptors or memory
        """
        names = _split(url_path)
        if names is None or not self._web:
            return None
        is_own = self._own_page and (names == [OWN_PAGE] or names[0] == _OWN_DIRECTORY)
        if is_own and tuple(names) in self._added:
            data = self._added[names[0], names[1]]
            return ServedFile(io.BytesIO(data), len(data), self._added_at, _content_type(names[1]), is_own=True)
        root = os.path.realpath(self._own if is_own else self._web)
        path = os.path.realpath(os.path.join(root, *names))
        if not path.startswith(root + os.sep):
            return None
        served = _open_regular(path, is_own)
        return self._pack(path, served) if served is not None and takes_gzip else served

    def _pack(self, path: str, served: ServedFile) -> ServedFile:
        if not served.is_packable or not MIN_BYTES <= served.size_bytes <= MAX_FILE_BYTES:
            return served
        stamp = (path, served.size_bytes, served.modified_at)
        packed = self._packed.find(stamp)
        if packed is None:
            packed = self._packed.add(stamp, served.file.read())
        if packed is None:
            served.file.seek(0)
            return served
        served.file.close()
        return dataclasses.replace(served, file=io.BytesIO(packed), size_bytes=len(packed), is_packed=True)


def _split(url_path: str) -> list[str] | None:
    path = parse.unquote(url_path, errors='surrogateescape')
    if not path.startswith('/') or '\0' in path:
        return None
    names = path[1:].split('/')
    if not names[-1]:
        names[-1] = 'index.html'
    if any(not name or name.startswith('.') for name in names):
        return None
    return names


def _open_regular(path: str, is_own: bool) -> ServedFile | None:
    try:
        # Should somebody put a FIFO there, opening it must not wait for its other end.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _WANT:
            raise
        return None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return None
    return ServedFile(os.fdopen(fd, 'rb'), status.st_size, status.st_mtime, _content_type(path), is_own)


def _content_type(path: str) -> str:
    return _CONTENT_TYPES.get(os.path.splitext(path)[1].lower(), 'application/octet-stream')
