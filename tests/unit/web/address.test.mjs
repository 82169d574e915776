// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {
    readArguments, readConnecting, readSettings, websocketUrl,
} from '../../../nova_vnc/novncproxy/web/nova-vnc/address.js';

const PAGE = {protocol: 'https:', host: 'console.example.org:6080'};
const read = (search, hash = '') => readArguments({search, hash});

test('the fragment goes before the query, and of one name the first counts', () => {
    assert.deepEqual({...read('?a=1&a=2&b=3', '#b=4&c=5')}, {a: '1', b: '4', c: '5'});
});

test('a name of the language is a name like any other', () => {
    assert.equal(read('?__proto__=1&x=2').x, '2');
    assert.equal(read('').constructor, undefined);
});

test('the path holds the token', () => {
    assert.equal(websocketUrl(read('?path=%3Ftoken%3Dabc'), PAGE), 'wss://console.example.org:6080/?token=abc');
    assert.equal(websocketUrl(read('?path=/consoles/websockify%3Ftoken%3Dabc'), {...PAGE, protocol: 'http:'}),
                 'ws://console.example.org:6080/consoles/websockify?token=abc');
});

test('a token beside the path is put into it, unless it has one', () => {
    assert.equal(websocketUrl(read('?token=a%2Bb'), PAGE), 'wss://console.example.org:6080/?token=a%2Bb');
    assert.equal(websocketUrl(read('?token=abc&path=x%3Fy%3D1'), PAGE),
                 'wss://console.example.org:6080/x?y=1&token=abc');
    assert.equal(websocketUrl(read('?token=abc&path=%3Ftoken%3Ddef'), PAGE),
                 'wss://console.example.org:6080/?token=def');
});

test('no argument leads to another server', () => {
    for (const search of ['?path=//evil.example/', '?path=/%2f/evil.example', '?host=evil.example&port=1',
                          '?path=@evil.example/', '?path=%5C%5Cevil.example']) {
        assert.equal(new URL(websocketUrl(read(search), PAGE)).host, PAGE.host, search);
    }
});

test('whatever the path holds, it makes the address of a WebSocket, which has no fragment', () => {
    for (const [search, url] of [['?path=%23x', 'wss://console.example.org:6080/%23x'],
                                 ['?token=abc&path=x%23y%23z', 'wss://console.example.org:6080/x%23y%23z?token=abc']]) {
        assert.equal(websocketUrl(read(search), PAGE), url);
        assert.equal(new URL(url).hash, '');
    }
});

test('scale and resize as before', () => {
    for (const [search, scaling] of [
        ['', undefined], ['?scale=1', 'fit'], ['?scale=true', 'fit'], ['?scale=0', 'real'], ['?resize=scale', 'fit'],
        ['?resize=off', 'real'], ['?resize=remote', 'remote'], ['?resize=remote&scale=1', 'remote'],
        ['?resize=nonsense', undefined], ['?resize=off&scale=1', 'fit'],
    ]) {
        assert.equal(readSettings(read(search)).scaling, scaling, search);
    }
});

test('only what is said is a setting', () => {
    assert.deepEqual(readSettings(read('?path=x')), {});
    assert.deepEqual(readSettings(read('?view_only=1&quality=9&compression=0')),
                     {viewOnly: true, quality: 9, compression: 0});
    assert.deepEqual(readSettings(read('?view_only=0&quality=10&compression=-1')), {viewOnly: false});
});

test('what is clipped has its real size, unless the address says another', () => {
    assert.deepEqual(readSettings(read('?view_clip=1&show_dot=true')),
                     {scaling: 'real', viewClip: true, showDot: true});
    assert.deepEqual(readSettings(read('?view_clip=1&resize=scale')), {scaling: 'fit', viewClip: true});
    assert.deepEqual(readSettings(read('?view_clip=0&show_dot=0')), {viewClip: false, showDot: false});
});

test('without arguments it connects at once, shares, and comes back', () => {
    const usual = {isAutomatic: true, isShared: true, reconnects: true, reconnectDelayMs: undefined,
                   logLevel: undefined};
    for (const search of ['', '?autoconnect=true&reconnect=1&shared=yes', '?autoconnect=&reconnect=x&logging=all',
                          '?reconnect_delay=-5', '?reconnect_delay=1e9', '?logging=toString']) {
        assert.deepEqual(readConnecting(read(search)), usual, search);
    }
});

test('what only an explicit no takes away', () => {
    for (const no of ['0', 'false', 'no', 'off']) {
        const {isAutomatic, reconnects} = readConnecting(read(`?autoconnect=${no}&reconnect=${no}`));
        assert.deepEqual([isAutomatic, reconnects], [false, false], no);
    }
});

test('who turns others out does not do so again and again', () => {
    const {isShared, reconnects} = readConnecting(read('?shared=0&reconnect=1'));
    assert.deepEqual([isShared, reconnects], [false, false]);
});

test('a delay has bounds', () => {
    for (const [text, delay] of [['0', 250], ['5000', 5000], ['99999999', 60000]]) {
        assert.equal(readConnecting(read(`?reconnect_delay=${text}`)).reconnectDelayMs, delay);
    }
});

test('the levels that noVNC knows', () => {
    assert.equal(readConnecting(read('?logging=debug')).logLevel, 'debug');
});
