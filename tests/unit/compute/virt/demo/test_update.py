# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.compute.virt.demo.update import RGB_32, PixelEncoder, Rectangle, build_framebuffer_update
from nova_vnc.rfb.errors import ProtocolError
from nova_vnc.rfb.init import PixelFormat
from tests.unit.rfb.test_init import PIXEL_FORMATS

BLACK, WHITE, ORANGE = (0, 0, 0), (255, 255, 255), (255, 128, 1)
RGB_565 = PixelFormat(16, 16, False, True, 31, 63, 31, 11, 5, 0)
BGR_233 = PixelFormat(8, 8, False, True, 7, 7, 3, 0, 3, 6)


def test_a_framebuffer_update_as_the_rfc_lays_it_out():
    update = build_framebuffer_update([Rectangle(1, 2, 2, 1, b'abcdefgh')])
    assert update == bytes.fromhex('00 00 0001  0001 0002 0002 0001 00000000') + b'abcdefgh'


def test_an_update_may_be_empty():
    assert build_framebuffer_update([]) == b'\0\0\0\0'


@pytest.mark.parametrize(('pixel_format', 'pixels'), [
    (RGB_32, '000000ff ffffffff 0180ffff'),
    (dataclasses.replace(RGB_32, big_endian=True), 'ff000000 ffffffff ffff8001'),
    (RGB_565, '0000 ffff 00fc'),
    (dataclasses.replace(RGB_565, big_endian=True), '0000 ffff fc00'),
    (BGR_233, '00 ff 27'),
])
def test_pixels(pixel_format, pixels):
    encoder = PixelEncoder(pixel_format, [BLACK, WHITE, ORANGE])
    assert encoder.encode(b'\0\1\2') == bytes.fromhex(pixels)


@pytest.mark.parametrize('wrong', [
    {'true_colour': False}, {'bits_per_pixel': 24}, {'bits_per_pixel': 0},
    {'red_shift': 25}, {'blue_shift': 255}, {'green_max': 65535, 'green_shift': 17},
])
def test_formats_that_cannot_be_written(wrong):
    with pytest.raises(ProtocolError):
        PixelEncoder(dataclasses.replace(RGB_32, **wrong), [BLACK])


@given(PIXEL_FORMATS, st.binary(max_size=20))
def test_any_format_is_written_or_refused(pixel_format, indices):
    try:
        encoder = PixelEncoder(pixel_format, [(level, level, level) for level in range(256)])
    except ProtocolError:
        return
    assert len(encoder.encode(indices)) == len(indices) * pixel_format.bits_per_pixel // 8
