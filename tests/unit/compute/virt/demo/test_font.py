# SPDX-License-Identifier: Apache-2.0

import subprocess
import sys

import pytest

from nova_vnc.compute.virt.demo import font

PRINTABLE = [chr(number) for number in range(256) if font.is_printable(chr(number))]


def test_all_of_latin_1_is_printable_but_control_characters():
    assert len(PRINTABLE) == 95 + 96
    assert not font.is_printable('')
    assert not font.is_printable('\n')
    assert not font.is_printable('€')


@pytest.mark.parametrize('char', PRINTABLE)
def test_all_glyphs_have_one_size_and_two_values(char):
    glyph = font.glyph(char)
    assert [len(line) for line in glyph] == [font.CELL_WIDTH] * font.CELL_HEIGHT
    assert set(b''.join(glyph)) <= {0, 1}


def test_a_letter_is_whole():
    lines = [''.join(' #'[pixel] for pixel in line[::2]) for line in font.glyph('T')[::2]]
    assert lines == ['       '] * 3 + ['###### ', '# ## # ', '  ##   ', '  ##   ', '  ##   ',
                                       ' ####  '] + ['       '] * 2


def test_letters_and_digits_look_different_from_each_other():
    letters = [char for char in PRINTABLE if char.isascii() and char.isalnum()]
    assert len({font.glyph(char) for char in letters}) == len(letters)


def test_without_pillow_the_operator_reads_what_to_install():
    code = ("import sys; sys.modules['PIL'] = None\n"
            'from nova_vnc import exception\n'
            'from nova_vnc.compute.virt.demo.driver import DemoDriver\n'
            'try:\n'
            "    DemoDriver('host')\n"
            'except exception.ConfigurationError as error:\n'
            '    print(error)\n')
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert run.stdout.count('\n') == 1
    assert 'pip install nova-vnc[demo]' in run.stdout
