// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {createStore} from '../../../nova_vnc/novncproxy/web/nova-vnc/state.js';
import {keepConnected, waitBefore} from '../../../nova_vnc/novncproxy/web/nova-vnc/reconnect.js';

const LOST = {mayPass: true, wasOpen: true};

// Debian's node has another interface for its own clock of this kind than later ones.
function stopTheClock(context) {
    const {setTimeout, clearTimeout} = globalThis;
    context.after(() => Object.assign(globalThis, {setTimeout, clearTimeout}));
    const timers = new Map();
    let now = 0;
    globalThis.setTimeout = (call, wait) => timers.set(timers.size + 1, {call, at: now + wait}).size;
    globalThis.clearTimeout = (id) => timers.has(id) && timers.set(id, {at: Infinity});
    return (milliseconds) => {
        now += milliseconds;
        for (const [id, {call, at}] of timers) {
            if (at <= now) {
                globalThis.clearTimeout(id);
                call();
            }
        }
    };
}

function setUp(context, connecting = {}, already = {}) {
    const pass = stopTheClock(context);
    globalThis.window = new EventTarget();
    context.after(() => delete globalThis.window);
    const connection = new EventTarget();
    connection.attempts = 0;
    connection.connect = () => connection.attempts++;
    const store = createStore();
    store.set(already);
    const tell = (type, detail) => connection.dispatchEvent(Object.assign(new Event(type), {detail}));
    return {connection, store, tell, pass, tryNow: keepConnected(connection, store, connecting)};
}

test('soon at first, then less and less often, and never all at once', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 100].map((attempt) => waitBefore(attempt, 0.5));
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    assert.deepEqual([waitBefore(0, 0), waitBefore(0, 1)], [750, 1250]);
});

test('a loss is tried again until it opens', (context) => {
    const {connection, store, tell, pass} = setUp(context);
    tell('closed', LOST);
    assert.deepEqual([store.state.phase, store.state.isRetrying], ['lost', true]);
    pass(1300);
    assert.deepEqual([connection.attempts, store.state.retryAt], [1, null]);
    tell('closed', {...LOST, wasOpen: false});
    pass(700);
    assert.equal(connection.attempts, 1);
    pass(1900);
    assert.equal(connection.attempts, 2);
    tell('opened');
    assert.equal(store.state.isRetrying, false);
    pass(5000);
    tell('closed', LOST);
    pass(1300);
    assert.equal(connection.attempts, 3);
});

test('what opens and is lost at once is tried less and less often, too', (context) => {
    const {connection, tell, pass} = setUp(context);
    const loseAtOnce = () => {
        tell('opened');
        pass(4900);
        tell('closed', LOST);
    };
    for (const [index, least] of [750, 1500, 3000].entries()) {
        loseAtOnce();
        pass(least - 1);
        assert.equal(connection.attempts, index);
        pass(least);
        assert.equal(connection.attempts, index + 1);
    }
});

test('what is lost before anybody listens is tried again, and what is refused is not', (context) => {
    const {connection, store, pass} = setUp(context, {}, {phase: 'ended', ending: LOST});
    assert.deepEqual([store.state.phase, store.state.isRetrying], ['lost', true]);
    pass(1300);
    assert.equal(connection.attempts, 1);
    const refused = setUp(context, {}, {phase: 'ended', ending: {mayPass: true, wasOpen: false}});
    refused.pass(60000);
    assert.equal(refused.connection.attempts, 0);
});

test('a link that is of no use any more ends that', (context) => {
    const {connection, store, tell, pass} = setUp(context);
    tell('closed', LOST);
    pass(1300);
    tell('closed', {mayPass: false, wasOpen: false});
    assert.equal(store.state.isRetrying, false);
    pass(60000);
    assert.equal(connection.attempts, 1);
});

test('where there never was a screen, it is the user\'s to try', (context) => {
    const {connection, tell, pass, tryNow} = setUp(context);
    tell('closed', {...LOST, wasOpen: false});
    pass(60000);
    assert.equal(connection.attempts, 0);
    tryNow();
    assert.equal(connection.attempts, 1);
});

test('the user, or the network that is back, need not wait', (context) => {
    const {connection, tell, pass, tryNow} = setUp(context);
    tell('closed', LOST);
    tryNow();
    pass(60000);
    assert.equal(connection.attempts, 1);
    window.dispatchEvent(new Event('online'));
    assert.equal(connection.attempts, 1);
    tell('closed', LOST);
    window.dispatchEvent(new Event('online'));
    assert.equal(connection.attempts, 2);
});

test('where the address forbids it, it is the user\'s to try', (context) => {
    const {connection, store, tell, pass, tryNow} = setUp(context, {reconnects: false});
    tell('closed', LOST);
    pass(60000);
    assert.deepEqual([connection.attempts, store.state.isRetrying], [0, false]);
    tryNow();
    assert.equal(connection.attempts, 1);
});

test('where the address says when, then', (context) => {
    const {connection, tell, pass} = setUp(context, {reconnectDelayMs: 8000});
    tell('closed', LOST);
    pass(5900);
    assert.equal(connection.attempts, 0);
    pass(4200);
    assert.equal(connection.attempts, 1);
    assert.deepEqual([0, 1, 2, 3].map((attempt) => waitBefore(attempt, 0.5, 8000)), [8000, 16000, 30000, 30000]);
    assert.deepEqual([0, 1].map((attempt) => waitBefore(attempt, 0.5, 60000)), [60000, 60000]);
});
