// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {createStore} from '../../../nova_vnc/novncproxy/web/nova-vnc/state.js';
import {
    FUNCTION_KEYS, KEYS, LATCHES, SYSRQ_COMMANDS, chord, releaseLatches, toggleLatch,
} from '../../../nova_vnc/novncproxy/web/nova-vnc/keyboard.js';

function setUp() {
    const sent = [];
    const rfb = {viewOnly: false, sendKey: (...key) => rfb.viewOnly || sent.push(key)};
    const store = createStore();
    store.watch(['settings'], ({settings}) => {
        rfb.viewOnly = Boolean(settings.viewOnly);
    });
    store.set({phase: 'connected', settings: {viewOnly: false}});
    return {sent, store, connection: {rfb}};
}

test('keys pressed together are released the other way round', () => {
    assert.deepEqual(chord('Ctrl', 'Alt', 'Delete'), [
        [0xffe3, 'ControlLeft', true], [0xffe9, 'AltLeft', true], [0xffff, 'Delete', true],
        [0xffff, 'Delete', false], [0xffe9, 'AltLeft', false], [0xffe3, 'ControlLeft', false]]);
});

test('the keys are those of X11 and of UI Events', () => {
    assert.deepEqual(KEYS.F1, [0xffbe, 'F1']);
    assert.deepEqual(KEYS.F12, [0xffc9, 'F12']);
    assert.deepEqual(KEYS.b, [0x62, 'KeyB']);
    assert.equal(FUNCTION_KEYS.length, 12);
    for (const name of [...LATCHES, ...FUNCTION_KEYS, ...SYSRQ_COMMANDS]) {
        assert.ok(KEYS[name], name);
    }
});

test('a latch goes down, and up', () => {
    const {sent, store, connection} = setUp();
    toggleLatch(connection, store, 'Ctrl');
    toggleLatch(connection, store, 'Alt');
    assert.deepEqual(store.state.latches, ['Ctrl', 'Alt']);
    toggleLatch(connection, store, 'Ctrl');
    assert.deepEqual(store.state.latches, ['Alt']);
    assert.deepEqual(sent, [[...KEYS.Ctrl, true], [...KEYS.Alt, true], [...KEYS.Ctrl, false]]);
});

test('no latch stays down with view only, nor from one connection to the next', () => {
    for (const changes of [{settings: {viewOnly: true}}, {phase: 'lost'}]) {
        const {sent, store, connection} = setUp();
        releaseLatches(connection, store);
        toggleLatch(connection, store, 'Win');
        store.set(changes);
        assert.deepEqual(store.state.latches, []);
        assert.deepEqual(sent.at(-1), [...KEYS.Win, false]);
        assert.equal(connection.rfb.viewOnly, store.state.settings.viewOnly);
    }
});
