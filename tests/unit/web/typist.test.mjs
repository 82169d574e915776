// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {KEYS, pressed, toggleLatch} from '../../../nova_vnc/novncproxy/web/nova-vnc/keyboard.js';
import {createStore} from '../../../nova_vnc/novncproxy/web/nova-vnc/state.js';
import {Typist} from '../../../nova_vnc/novncproxy/web/nova-vnc/typist.js';

const SHIFT = [0xffe1, 'ShiftLeft'];
const STROKES = [[KEYS.a], [SHIFT, [0x42, 'KeyB']], [KEYS.c]];

// The one timer that a typist has.
function stopTheClock(context) {
    const {setTimeout, clearTimeout} = globalThis;
    context.after(() => Object.assign(globalThis, {setTimeout, clearTimeout}));
    const clock = {next: null, wait: null};
    globalThis.setTimeout = (call, wait) => {
        assert.equal(clock.next, null);
        Object.assign(clock, {next: call, wait});
        return 1;
    };
    globalThis.clearTimeout = () => {
        clock.next = null;
    };
    clock.pass = () => {
        const {next} = clock;
        clock.next = null;
        next();
    };
    return clock;
}

function setUp(context) {
    const clock = stopTheClock(context);
    const sent = [];
    const store = createStore();
    store.set({phase: 'connected', settings: {viewOnly: false, typingRate: '20'}});
    const connection = {rfb: {sendKey: (...key) => sent.push(key)}};
    return {clock, sent, store, connection, typist: new Typist(connection, store)};
}

test('one stroke after the other, at the speed of the setting, with progress', (context) => {
    const {clock, sent, store, typist} = setUp(context);
    typist.start(STROKES);
    assert.deepEqual(sent, pressed(STROKES[0]));
    assert.deepEqual(store.state.typing, {done: 1, total: 3, isRunning: true});
    assert.equal(clock.wait, 50);
    store.set({settings: {...store.state.settings, typingRate: '5'}});
    clock.pass();
    assert.deepEqual(sent.slice(2), [[...SHIFT, true], [0x42, 'KeyB', true], [0x42, 'KeyB', false], [...SHIFT, false]]);
    assert.equal(clock.wait, 200);
    clock.pass();
    clock.pass();
    assert.deepEqual(sent, STROKES.flatMap(pressed));
    assert.deepEqual(store.state.typing, {done: 3, total: 3, isRunning: false});
    assert.equal(clock.next, null);
});

test('it stops when the user wants that, with no key down', (context) => {
    const {clock, sent, store, typist} = setUp(context);
    typist.start(STROKES);
    clock.pass();
    typist.stop();
    assert.equal(clock.next, null);
    assert.deepEqual(store.state.typing, {done: 2, total: 3, isRunning: false});
    assert.deepEqual(sent, STROKES.slice(0, 2).flatMap(pressed));
    typist.stop();
    assert.equal(typist.isTyping, false);
});

test('it stops when the connection goes, and with view only, and does not begin then', (context) => {
    for (const changes of [{phase: 'lost'}, {settings: {viewOnly: true, typingRate: '20'}}]) {
        const {clock, sent, store, connection, typist} = setUp(context);
        typist.start(STROKES);
        connection.rfb = null;
        store.set(changes);
        assert.equal(clock.next, null);
        assert.equal(typist.isTyping, false);
        typist.start(STROKES);
        assert.equal(clock.next, null);
        assert.equal(sent.length, 2);
    }
});

test('another text takes the place of the first', (context) => {
    const {clock, sent, store, typist} = setUp(context);
    typist.start(STROKES);
    typist.start([[KEYS.z]]);
    clock.pass();
    assert.deepEqual(sent, [STROKES[0], [KEYS.z]].flatMap(pressed));
    assert.deepEqual(store.state.typing, {done: 1, total: 1, isRunning: false});
});

test('keys held down for the user are let go first', (context) => {
    const {sent, store, connection, typist} = setUp(context);
    toggleLatch(connection, store, 'Ctrl');
    toggleLatch(connection, store, 'Alt');
    typist.start([[KEYS.a]]);
    assert.deepEqual(store.state.latches, []);
    assert.deepEqual(sent.slice(2), [[...KEYS.Ctrl, false], [...KEYS.Alt, false], ...pressed([KEYS.a])]);
});

test('nothing to type is done at once', (context) => {
    const {clock, store, typist} = setUp(context);
    typist.start([]);
    assert.equal(clock.next, null);
    assert.deepEqual(store.state.typing, {done: 0, total: 0, isRunning: false});
});
