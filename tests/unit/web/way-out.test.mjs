// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {createChord} from '../../../nova_vnc/novncproxy/web/nova-vnc/way-out.js';

// '+X' presses X, '-X' releases it; returns at which of them the chord was complete.
function play(...keys) {
    const chord = createChord();
    return keys.filter((key) => chord(key.startsWith('+'), key.slice(1)));
}

test('the left Ctrl and Alt, pressed and let go in any order', () => {
    assert.deepEqual(play('+ControlLeft', '+AltLeft', '-AltLeft', '-ControlLeft'), ['-AltLeft']);
    assert.deepEqual(play('+AltLeft', '+ControlLeft', '-AltLeft', '-ControlLeft'), ['-AltLeft']);
});

test('a key that repeats is no other key', () => {
    assert.deepEqual(play('+ControlLeft', '+AltLeft', '+AltLeft', '-ControlLeft', '-AltLeft'), ['-ControlLeft']);
});

test('with another key it is the guest\'s', () => {
    assert.deepEqual(play('+ControlLeft', '+AltLeft', '+Delete', '-Delete', '-AltLeft', '-ControlLeft'), []);
    assert.deepEqual(play('+KeyA', '+ControlLeft', '+AltLeft', '-AltLeft', '-ControlLeft', '-KeyA'), []);
    assert.deepEqual(play('+ControlLeft', '+KeyC', '-KeyC', '+AltLeft', '-AltLeft', '-ControlLeft'), []);
});

test('one of them alone, and AltGr, are the guest\'s', () => {
    assert.deepEqual(play('+AltLeft', '-AltLeft', '+ControlLeft', '-ControlLeft'), []);
    assert.deepEqual(play('+ControlLeft', '+AltRight', '-ControlLeft', '-AltRight'), []);
});

test('it works again, and after other keys', () => {
    const once = ['+ControlLeft', '+AltLeft', '-AltLeft', '-ControlLeft'];
    assert.equal(play(...once, ...once).length, 2);
    assert.equal(play('+KeyA', '-KeyA', ...once, '+ControlLeft', '+KeyC', '-KeyC', '-ControlLeft', ...once).length, 2);
});
