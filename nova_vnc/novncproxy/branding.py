# SPDX-License-Identifier: Apache-2.0
"""What an operator adds to the console page: a logo, a link home, a text. Read once, at the start."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from urllib import parse

from nova_vnc import exception

# Each page loads it; an SVG or PNG of 24 pixels height has a few KiB.
MAX_LOGO_BYTES = 256 * 1024
# Three lines of a wide window. What is longer belongs behind the link.
MAX_BANNER_CHARS = 500
MAX_URL_CHARS = 2000

# PNG specification, third edition, section 5.2.
_PNG = b'\x89PNG\r\n\x1a\n'
# Before its first element an SVG may have a comment, as a licence.
_SVG_WITHIN_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Branding:
    """
    :ivar logo: the bytes of the picture, None for none
    :ivar logo_name: logo.svg or logo.png
    :ivar home_url: '' for none
    :ivar banner: one line of text, not markup; '' for none
    """

    logo: bytes | None = None
    logo_name: str = ''
    home_url: str = ''
    banner: str = ''

    def files(self) -> dict[str, bytes]:
        """Return what the page asks for, by name: site.json, and the logo that it names."""
        site = {'logo': self.logo_name, 'home_url': self.home_url, 'banner': self.banner}
        files = {'site.json': json.dumps({name: value for name, value in site.items() if value}).encode()}
        if self.logo is not None:
            files[self.logo_name] = self.logo
        return files


def read(logo_path: str, home_url: str, banner: str) -> Branding:
    """Take the options [novncproxy]console_page_logo, console_page_home_url and console_page_banner; '' each for none.

    :raises ConfigurationError: one of them cannot be used
    """
    logo = _read_logo(logo_path) if logo_path else None
    logo_name = '' if logo is None else _name_of(logo, logo_path)
    return Branding(logo, logo_name, _read_url(home_url), _read_banner(banner))


def _read_logo(path: str) -> bytes:
    try:
        # Should it be a FIFO, opening it must not wait for its other end.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, 'rb') as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise _refuse('logo', path, 'that is no file')
            data = file.read(MAX_LOGO_BYTES + 1)
    except OSError as error:
        raise _refuse('logo', path, str(error.strerror)) from None
    if len(data) > MAX_LOGO_BYTES:
        raise _refuse('logo', path, f'the file has more than {MAX_LOGO_BYTES // 1024} KiB')
    return data


def _name_of(logo: bytes, path: str) -> str:
    if logo.startswith(_PNG):
        return 'logo.png'
    if b'<svg' in logo[:_SVG_WITHIN_BYTES]:
        return 'logo.svg'
    raise _refuse('logo', path, 'the file is neither an SVG (uncompressed) nor a PNG')


def _read_url(text: str) -> str:
    url = text.strip()
    if not url:
        return ''
    try:
        parts = parse.urlsplit(url)
        is_usable = parts.scheme in ('http', 'https') and bool(parts.hostname) and parts.username is None
        _ = parts.port      # raises
    except ValueError:
        is_usable = False
    if not is_usable or not url.isprintable() or ' ' in url:
        raise _refuse('home_url', url, 'that is no address such as https://cloud.example.org/, without user and '
                                       'password')
    if len(url) > MAX_URL_CHARS:
        raise _refuse('home_url', f'{url[:40]}...', f'more than {MAX_URL_CHARS} characters')
    return url


def _read_banner(text: str) -> str:
    banner = ' '.join(text.split())
    if len(banner) > MAX_BANNER_CHARS:
        raise _refuse('banner', f'{banner[:40]}...', f'{len(banner)} characters, at most {MAX_BANNER_CHARS} are shown')
    return banner


def _refuse(option: str, value: str, why: str) -> exception.ConfigurationError:
    return exception.ConfigurationError(reason=f'[novncproxy]console_page_{option} = {value}: {why}.')
