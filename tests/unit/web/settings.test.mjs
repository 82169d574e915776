// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {
    SETTINGS, changeSetting, loadSettings, mergeSettings,
} from '../../../nova_vnc/novncproxy/web/nova-vnc/settings.js';
import {createStore} from '../../../nova_vnc/novncproxy/web/nova-vnc/state.js';

const INITIAL = {scaling: 'auto', viewOnly: false, viewClip: false, showDot: false, quality: 6, compression: 2,
                 layout: 'us', typingRate: '20', shareClipboard: false};

function memory(text = null) {
    const storage = {text, getItem: () => storage.text, setItem: (...[, value]) => {
        storage.text = value;
    }};
    return storage;
}

function forbidden() {
    throw new Error('SecurityError');
}

test('without any choice', () => {
    assert.deepEqual(mergeSettings(null), INITIAL);
    assert.deepEqual(Object.keys(SETTINGS), Object.keys(INITIAL));
});

test('what is stored counts where it is valid, whoever wrote it', () => {
    for (const text of ['', '{', '[]', '7', 'null', '"x"', '{"scaling":"huge","quality":"6","compression":12}']) {
        assert.deepEqual(mergeSettings(text), INITIAL, text);
    }
    assert.deepEqual(mergeSettings('{"scaling":"real","quality":0,"unknown":1}'),
                     {...INITIAL, scaling: 'real', quality: 0});
});

test('the address goes first, and is not remembered', () => {
    const storage = memory('{"scaling":"real"}');
    const store = createStore();
    store.set({settings: loadSettings({scaling: 'fit', quality: 9}, () => storage)});
    assert.equal(store.state.settings.scaling, 'fit');
    changeSetting(store, 'compression', 5, () => storage);
    assert.deepEqual(JSON.parse(storage.text), {scaling: 'real', compression: 5});
    assert.deepEqual(store.state.settings, {...INITIAL, scaling: 'fit', quality: 9, compression: 5});
});

test('view only is for this time', () => {
    const storage = memory();
    const store = createStore();
    store.set({settings: loadSettings({}, () => storage)});
    changeSetting(store, 'viewOnly', true, () => storage);
    assert.equal(store.state.settings.viewOnly, true);
    assert.equal(storage.text, null);
    assert.equal(loadSettings({}, () => memory('{"viewOnly":true}')).viewOnly, false);
});

test('without storage nothing is remembered, and nothing breaks', () => {
    const store = createStore();
    store.set({settings: loadSettings({}, forbidden)});
    changeSetting(store, 'scaling', 'real', forbidden);
    assert.equal(store.state.settings.scaling, 'real');
});

test('nothing that is not valid can be chosen', () => {
    const store = createStore();
    assert.throws(() => changeSetting(store, 'scaling', 'huge', () => memory()), /huge/);
});
