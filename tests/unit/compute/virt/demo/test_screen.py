# SPDX-License-Identifier: Apache-2.0

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nova_vnc.compute.virt.demo import font
from nova_vnc.compute.virt.demo.screen import (
    COLOURS,
    COLUMNS,
    HEIGHT,
    KEYSYM_BACKSPACE,
    KEYSYM_RETURN,
    TEXT_ROWS,
    WIDTH,
    Screen,
    wrap,
)
from tests.fixtures.pictures import demo_text, find_picture


def look_at(screen: Screen) -> Image.Image:
    return Image.frombytes('RGB', (WIDTH, HEIGHT),
                           b''.join(bytes(COLOURS[index]) for index in screen.frame))


def type_text(screen: Screen, text: str) -> None:
    for char in text:
        screen.press_key(KEYSYM_RETURN if char == '\n' else ord(char))


def shows(screen: Screen, text: str) -> bool:
    return find_picture(look_at(screen), demo_text(text)) is not None


@pytest.fixture
def screen() -> Screen:
    return Screen('title')


def test_typed_words_are_on_the_screen(screen):
    type_text(screen, 'Hello, Grüße!\nsecond line')
    assert shows(screen, 'Hello, Grüße!')
    assert shows(screen, 'second line')
    assert not shows(screen, 'second linf')


def test_backspace_takes_the_last_character_back(screen):
    type_text(screen, 'cat\n')
    before = screen.frame
    type_text(screen, 's')
    screen.press_key(KEYSYM_BACKSPACE)
    assert screen.frame == before
    for _ in range(10):
        screen.press_key(KEYSYM_BACKSPACE)
    assert screen.frame == Screen('title').frame


@pytest.mark.parametrize('keysym', [0, 0x0a, 0x7f, 0x9f, 0xffe1, 0xff1b, 0x20ac, 2**32 - 1])
def test_keys_that_type_nothing_change_nothing(screen, keysym):
    before = screen.frame
    screen.press_key(keysym)
    assert screen.frame is before


def test_long_lines_are_broken(screen):
    type_text(screen, 'a' * COLUMNS + 'bcd')
    assert find_picture(look_at(screen), demo_text('bcd'))[0] < font.CELL_WIDTH


def test_old_lines_scroll_away(screen):
    for number in range(TEXT_ROWS + 3):
        type_text(screen, f'line {number}\n')
    assert not shows(screen, 'line 3\n'.strip())
    assert shows(screen, 'line 4')
    assert shows(screen, f'line {TEXT_ROWS + 2}')


@given(st.text(alphabet='ab\n', max_size=3000))
def test_the_text_cannot_outgrow_the_screen(text):
    screen = Screen('title')
    screen._text = text  # typing so much would take too long
    screen.press_key(ord('c'))
    assert len(wrap(screen._text + '_')) <= TEXT_ROWS
    assert (text + 'c').endswith(screen._text)
    assert screen._text.endswith('c')


def test_the_clock(screen):
    screen.show_time(0)
    at_epoch = screen.frame
    screen.show_time(0.5)
    assert screen.frame is at_epoch
    screen.show_time(1)
    assert screen.frame != at_epoch


def test_a_title_may_hold_anything():
    assert Screen('café €\n').frame == Screen('café ??').frame
    assert len(Screen('x' * 1000).frame) == WIDTH * HEIGHT


def test_a_change_wakes_who_waits(screen):
    before = screen.frame
    with screen.changed:
        threading.Thread(target=screen.press_key, args=(ord('x'),)).start()
        assert screen.changed.wait_for(lambda: screen.frame is not before, timeout=10)
