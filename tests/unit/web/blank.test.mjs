// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {createPatience, isOneColour} from '../../../nova_vnc/novncproxy/web/nova-vnc/blank.js';

const picture = (...pixels) => new Uint8ClampedArray(pixels.flat());

test('a screen is blank when every pixel is of one colour, whichever', () => {
    const black = [0, 0, 0, 255];
    const blue = [0, 0, 170, 255];
    assert.ok(isOneColour(picture(black, black, black)));
    assert.ok(isOneColour(picture(blue, blue)));
    assert.ok(isOneColour(picture(black)));
});

test('one pixel that differs, by the least in one channel, is a picture', () => {
    const pixels = new Uint8ClampedArray(4 * 64 * 48);
    assert.ok(isOneColour(pixels));
    for (const place of [0, 3, pixels.length / 2 + 1, pixels.length - 2]) {
        pixels[place] = 1;
        assert.ok(!isOneColour(pixels), String(place));
        pixels[place] = 0;
    }
});

test('nothing at all is not blank', () => {
    assert.ok(!isOneColour(picture()));
});

test('it has to be blank for some seconds without a break', () => {
    const isLongEnough = createPatience(3000);
    assert.deepEqual([[true, 0], [true, 2999], [true, 3000], [false, 3500], [true, 4000], [true, 6999], [true, 7000]]
        .map((seen) => isLongEnough(...seen)), [false, false, true, false, false, false, true]);
});
