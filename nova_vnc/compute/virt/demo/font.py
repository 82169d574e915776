# SPDX-License-Identifier: Apache-2.0
"""Latin-1 characters as small pictures, all of one size, drawn with the font that Pillow carries."""

from __future__ import annotations

import functools
import importlib.util

from nova_vnc import exception

# Pillow's bitmap font steps 6 pixels from letter to letter, but many letters begin one pixel earlier
# and would touch; so a cell is one wider. It is too small to be read on a screen of today.
_FONT_STEP, _FONT_HEIGHT = 6, 11
_FONT_WIDTH = _FONT_STEP + 1
_SCALE = 2

CELL_WIDTH = _FONT_WIDTH * _SCALE
CELL_HEIGHT = _FONT_HEIGHT * _SCALE

# One bytes object for each line of pixels from the top, one byte for each pixel: 0 paper, 1 ink.
Glyph = tuple[bytes, ...]


def check_pillow() -> None:
    """Raise ConfigurationError, in words for the operator, where Pillow is missing."""
    if importlib.util.find_spec('PIL') is None:
        raise exception.ConfigurationError(
            reason='The demo guest draws with Pillow, which is not installed: '
                   'pip install nova-vnc[demo]')


def is_printable(char: str) -> bool:
    """Tell whether the font has a picture for the character; it has none for ''."""
    return ' ' <= char <= '~' or '\xa0' <= char <= '\xff'


@functools.cache
def glyph(char: str) -> Glyph:
    """Return the picture of a printable character."""
    # Here and not at the top: who runs no demo guest needs no Pillow (the extra `demo`).
    from PIL import Image, ImageDraw, ImageFont
    picture = Image.new('L', (_FONT_WIDTH, _FONT_HEIGHT), 0)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = '1'
    # Behind a space, since Pillow cuts off what the first letter has to the left of its origin.
    draw.text((1 - _FONT_STEP, 0), f' {char}', fill=1, font=ImageFont.load_default_imagefont())
    pixels = picture.resize((CELL_WIDTH, CELL_HEIGHT), Image.Resampling.NEAREST).tobytes()
    return tuple(pixels[start:start + CELL_WIDTH] for start in range(0, len(pixels), CELL_WIDTH))
