// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {planScaling} from '../../../nova_vnc/novncproxy/web/nova-vnc/screen.js';

const WINDOW = {width: 1000, height: 700};
const SMALL = {width: 800, height: 600};
const WIDE = {width: 1001, height: 600};
const HIGH = {width: 800, height: 701};

test('a screen larger than the window is made to fit, a smaller one is sharp', () => {
    assert.deepEqual([SMALL, WINDOW, WIDE, HIGH].map((guest) => planScaling('auto', guest, WINDOW).scaleViewport),
                     [false, false, true, true]);
});

test('always and never', () => {
    assert.deepEqual([SMALL, WIDE].map((guest) => planScaling('fit', guest, WINDOW).scaleViewport), [true, true]);
    assert.deepEqual([SMALL, WIDE].map((guest) => planScaling('real', guest, WINDOW).scaleViewport), [false, false]);
});

test('a screen in its real size is moved by scroll bars, or by dragging a part of it', () => {
    const plans = [{}, {isDragging: true}, {isTouch: true}, {isTouch: true, isDragging: true}]
        .map((how) => planScaling('real', WIDE, WINDOW, how));
    assert.deepEqual(plans.map(({clipViewport, dragViewport}) => [clipViewport, dragViewport]),
                     [[false, false], [true, true], [true, false], [true, true]]);
});

test('one that is made to fit is not moved', () => {
    for (const mode of ['auto', 'fit', 'remote']) {
        const {clipViewport, dragViewport} = planScaling(mode, WIDE, WINDOW, {isTouch: true, isDragging: true});
        assert.deepEqual([clipViewport, dragViewport], [false, false], mode);
    }
});

test('only where the guest is to resize it is asked to', () => {
    assert.deepEqual(['auto', 'fit', 'real', 'remote'].map((mode) => planScaling(mode, SMALL, WINDOW).resizeSession),
                     [false, false, false, true]);
});

test('a guest that does not resize its screen has it fitted', () => {
    assert.equal(planScaling('remote', WIDE, WINDOW).scaleViewport, true);
});

test('who wants no scroll bars gets a part of a screen in its real size, and of no other', () => {
    const plan = (scaling) => planScaling(scaling, {width: 800, height: 600}, {width: 400, height: 300},
                                          {isClipped: true});
    assert.deepEqual([plan('real').clipViewport, plan('real').dragViewport], [true, false]);
    assert.equal(plan('fit').clipViewport, false);
});
