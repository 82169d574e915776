// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {createStore} from '../../../nova_vnc/novncproxy/web/nova-vnc/state.js';

test('a watcher renders at once, and when one of its keys has changed', () => {
    const store = createStore();
    const seen = [];
    store.watch(['phase'], ({phase}) => seen.push(phase));
    store.set({name: 'web-01'});
    store.set({phase: 'loading'});
    store.set({phase: 'connected', name: 'web-02'});
    assert.deepEqual(seen, ['loading', 'connected']);
});

test('a watcher sees all changes that were made together', () => {
    const store = createStore();
    let seen = '';
    store.watch(['phase'], ({phase, name}) => {
        seen = phase + name;
    });
    store.set({phase: 'connected', name: 'web-01'});
    assert.equal(seen, 'connectedweb-01');
});

test('what no longer watches is told nothing', () => {
    const store = createStore();
    let times = 0;
    const stop = store.watch(['name'], () => times++);
    stop();
    store.set({name: 'web-01'});
    assert.equal(times, 1);
});

test('a misspelt key is a mistake', () => {
    assert.throws(() => createStore().set({fase: 'connected'}), /no fase/);
});

test('stores do not share their state', () => {
    createStore().set({name: 'web-01'});
    assert.equal(createStore().state.name, '');
});
