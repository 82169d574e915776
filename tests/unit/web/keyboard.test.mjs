// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {chord} from '../../../nova_vnc/novncproxy/web/nova-vnc/keyboard.js';

test('keys pressed together are released the other way round', () => {
    assert.deepEqual(chord('Ctrl', 'Alt', 'Delete'), [
        [0xffe3, 'ControlLeft', true], [0xffe9, 'AltLeft', true], [0xffff, 'Delete', true],
        [0xffff, 'Delete', false], [0xffe9, 'AltLeft', false], [0xffe3, 'ControlLeft', false]]);
});
