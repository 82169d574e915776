# SPDX-License-Identifier: Apache-2.0
"""The demo guest's screen: a title, a clock, and the text typed so far with a cursor behind it."""

from __future__ import annotations

import threading
import time

from nova_vnc.compute.virt.demo import font
from nova_vnc.compute.virt.demo.update import Colour

WIDTH, HEIGHT = 640, 400

# The colours by their index, which is a pixel's value in a frame.
COLOURS: tuple[Colour, ...] = (
    (16, 24, 40),       # the paper
    (255, 200, 87),     # title
    (130, 200, 255),    # clock and hint
    (240, 240, 240),    # typed text
)
_PAPER, _TITLE_INK, _HINT_INK, _TEXT_INK = range(len(COLOURS))

COLUMNS = WIDTH // font.CELL_WIDTH
ROWS = HEIGHT // font.CELL_HEIGHT
_TITLE_ROW, _CLOCK_ROW, _HINT_ROW, _FIRST_TEXT_ROW = 0, 1, 2, 3
TEXT_ROWS = ROWS - _FIRST_TEXT_ROW
_LEFT_MARGIN = (WIDTH - COLUMNS * font.CELL_WIDTH) // 2
_TOP_MARGIN = (HEIGHT - ROWS * font.CELL_HEIGHT) // 2

_CURSOR = '\0'

# X11 keysyms; those of Latin-1 characters are the characters' own numbers (RFC 6143 section 7.5.4).
KEYSYM_BACKSPACE = 0xff08
KEYSYM_RETURN = 0xff0d


class Screen:
    """A page of characters that looks the same to everybody.

    All methods may be called from any thread.

    :param title: characters that the font lacks are shown as question marks

    :ivar changed: notified with each new frame. Viewers may wait and notify on it for their own
        reasons too.
    """

    def __init__(self, title: str) -> None:
        self.changed = threading.Condition()
        self._text = ''
        self._pixels = bytearray(WIDTH * HEIGHT)
        printable = ''.join(char if font.is_printable(char) else '?' for char in title)
        self._draw_row(_TITLE_ROW, printable, _TITLE_INK)
        self._draw_row(_HINT_ROW, 'Type something:', _HINT_INK)
        self._draw_text()
        self._frame = bytes(self._pixels)

    @property
    def frame(self) -> bytes:
        """The picture as it is now: an index into COLOURS for each pixel, line after line.

        It is another object after a change, and the same as long as nothing has changed.
        """
        return self._frame

    def press_key(self, keysym: int) -> None:
        """Type a character, Return or BackSpace; any other key does nothing."""
        with self.changed:
            text = _type(self._text, keysym)
            if text != self._text:
                self._text = text
                self._draw_text()
                self._publish()

    def show_time(self, unix_time_s: float) -> None:
        shown = time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(unix_time_s))
        with self.changed:
            self._draw_row(_CLOCK_ROW, shown, _HINT_INK)
            self._publish()

    def _draw_text(self) -> None:
        lines = wrap(self._text + _CURSOR)
        for number in range(TEXT_ROWS):
            line = lines[number] if number < len(lines) else ''
            self._draw_row(_FIRST_TEXT_ROW + number, line, _TEXT_INK)

    def _draw_row(self, row: int, text: str, ink: int) -> None:
        start = (_TOP_MARGIN + row * font.CELL_HEIGHT) * WIDTH + _LEFT_MARGIN
        for pixels in _draw_line(text[:COLUMNS].ljust(COLUMNS), ink):
            self._pixels[start:start + len(pixels)] = pixels
            start += WIDTH

    def _publish(self) -> None:
        frame = bytes(self._pixels)
        if frame != self._frame:
            self._frame = frame
            self.changed.notify_all()


def text_pixels(text: str) -> tuple[int, int, bytes]:
    """Return width, height and RGB pixels of a word as the screen shows it once it is typed.

    A picture of the screen contains exactly this where the word is on it.
    """
    indices = b''.join(_draw_line(text, _TEXT_INK))
    pixels = b''.join(bytes(COLOURS[index]) for index in indices)
    return font.CELL_WIDTH * len(text), font.CELL_HEIGHT, pixels


def wrap(text: str) -> list[str]:
    """Return the lines of a text, those too long for the screen broken."""
    lines = []
    for line in text.split('\n'):
        starts = range(0, max(1, len(line)), COLUMNS)
        lines += [line[start:start + COLUMNS] for start in starts]
    return lines


def _type(text: str, keysym: int) -> str:
    if keysym == KEYSYM_BACKSPACE:
        return text[:-1]
    return _scroll(text + _character(keysym))


def _character(keysym: int) -> str:
    """Return the character that a key types, '' for a key that types none."""
    if keysym == KEYSYM_RETURN:
        return '\n'
    char = chr(keysym) if keysym < 256 else ''
    return char if font.is_printable(char) else ''


def _scroll(text: str) -> str:
    """Drop the lines at the top that have no room any more, so that the text cannot grow for ever."""
    while len(wrap(text + _CURSOR)) > TEXT_ROWS:
        text = text[min(COLUMNS, len(text.split('\n', 1)[0]) + 1):]
    return text


def _draw_line(text: str, ink: int) -> list[bytes]:
    """Return the lines of pixels, from the top, of a line of text."""
    normal = bytes([_PAPER, ink]) + bytes(254)
    inverse = bytes([ink, _PAPER]) + bytes(254)
    glyphs = [(font.glyph(' ' if char == _CURSOR else char),
               inverse if char == _CURSOR else normal) for char in text]
    return [b''.join(glyph[line].translate(table) for glyph, table in glyphs)
            for line in range(font.CELL_HEIGHT)]
