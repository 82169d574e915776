// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {FILLING, whatWasTyped} from '../../../nova_vnc/novncproxy/web/nova-vnc/touch-keyboard.js';

const typed = (before, after) => {
    const {deleted, characters} = whatWasTyped(before, after);
    return [deleted, characters.join('')];
};

test('typing, deleting, and both', () => {
    assert.deepEqual(typed(FILLING, `${FILLING}a`), [0, 'a']);
    assert.deepEqual(typed(`${FILLING}ab`, `${FILLING}a`), [1, '']);
    assert.deepEqual(typed(FILLING, FILLING.slice(2)), [2, '']);
    assert.deepEqual(typed(FILLING, FILLING), [0, '']);
});

test('a word that the keyboard corrects is typed anew from where it differs', () => {
    assert.deepEqual(typed(`${FILLING}teh`, `${FILLING}the `), [2, 'he ']);
});

test('a character is one, whatever it takes', () => {
    assert.deepEqual(typed(`${FILLING}\u{1f600}`, `${FILLING}\u{1f601}`), [1, '\u{1f601}']);
});
