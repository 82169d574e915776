// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {
    countPictures, countTraffic, measureOfRate, ratesBetween,
} from '../../../nova_vnc/novncproxy/web/nova-vnc/traffic.js';

test('what a WebSocket moves is counted, and still moved', () => {
    const sent = [];
    const socket = Object.assign(new EventTarget(), {send: (data) => sent.push(data)});
    const count = countTraffic(socket);
    socket.dispatchEvent(Object.assign(new Event('message'), {data: new ArrayBuffer(100)}));
    socket.dispatchEvent(Object.assign(new Event('message'), {data: 'text'}));
    const part = new Uint8Array(new ArrayBuffer(64), 0, 10);
    socket.send(part);
    assert.deepEqual(count, {received: 104, sent: 10});
    assert.deepEqual(sent, [part]);
});

test('pictures are counted once, however often it is asked for', () => {
    const drawn = [];
    const context = {drawImage: (...picture) => drawn.push(picture)};
    const canvas = {getContext: () => context};
    const count = countPictures(canvas);
    assert.equal(countPictures(canvas), count);
    context.drawImage('backbuffer', 0, 0);
    assert.deepEqual(count, {pictures: 1});
    assert.deepEqual(drawn, [['backbuffer', 0, 0]]);
});

test('rates between two readings', () => {
    assert.deepEqual(ratesBetween({at: 1000, received: 100}, {at: 3000, received: 700, pictures: 5}),
                     {received: 300, pictures: null});
    assert.deepEqual(ratesBetween({at: 1000, received: 1}, {at: 1000, received: 2}), {received: null});
});

test('a rate has a unit that suits it', () => {
    assert.deepEqual([0, 999, 1500, 2.5e6].map(measureOfRate), [
        [0, 'byte-per-second'], [999, 'byte-per-second'], [1.5, 'kilobyte-per-second'], [2.5, 'megabyte-per-second']]);
});
