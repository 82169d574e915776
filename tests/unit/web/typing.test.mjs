// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {readdirSync} from 'node:fs';

import {KEYS, pressed} from '../../../nova_vnc/novncproxy/web/nova-vnc/keyboard.js';
import {SETTINGS} from '../../../nova_vnc/novncproxy/web/nova-vnc/settings.js';
import {loadLayout, nameMissing, planTyping} from '../../../nova_vnc/novncproxy/web/nova-vnc/typing.js';

const LAYOUTS = SETTINGS.layout.values;
const ASCII = String.fromCharCode(...[...Array(95).keys()].map((index) => 0x20 + index));
const OWN = {
    us: '',
    de: '\u00e4\u00f6\u00fc\u00c4\u00d6\u00dc\u00df\u20ac\u00a7\u00b0\u00b2\u00b3\u00b5\u00b4'
        + '\u00e9\u00c9\u00e8\u00ea\u00c0\u00fd',
    fr: '\u00e9\u00e8\u00e7\u00e0\u00f9\u00b2\u00b0\u00a3\u00a4\u00a7\u00b5\u20ac\u00a8\u00ea\u00cb\u00ff\u00ef\u00f4',
    'fr-windows': '\u00f1\u00c3\u00d2\u00e9\u00e8\u00e7\u00a8',
};
// What makes a dead key of a letter.
const ACCENTS = new Map([['`', '\u0300'], ['\u00b4', '\u0301'], ['^', '\u0302'], ['~', '\u0303'],
                         ['\u00a8', '\u0308']]);

// A guest with this layout: what it makes of presses.
function guestText(strokes, layout) {
    const down = new Set();
    let text = '';
    let dead = '';
    for (const [, code, isDown] of strokes.flatMap(pressed)) {
        assert.notEqual(down.has(code), isDown, `${code} is ${isDown ? 'down' : 'up'} already`);
        down[isDown ? 'add' : 'delete'](code);
        if (!isDown || ['ShiftLeft', 'AltRight'].includes(code)) {
            continue;
        }
        const level = down.has('AltRight') ? 2 : down.has('ShiftLeft') ? 1 : 0;
        const character = {Space: ' ', Enter: '\n', Tab: '\t'}[code] ?? [...layout[code]][level];
        assert.ok(character, `${code} at ${level}`);
        if ([...ACCENTS.values()].includes(character)) {
            assert.equal(dead, '');
            dead = character;
        } else if (dead && character === ' ') {
            text += [...ACCENTS].find(([, mark]) => mark === dead)[0];
            dead = '';
        } else {
            text += (character + dead).normalize('NFC');
            dead = '';
        }
    }
    assert.equal(down.size, 0);
    assert.equal(dead, '');
    return text;
}

test('each layout has a file', () => {
    const directory = new URL('../../../nova_vnc/novncproxy/web/nova-vnc/layouts/', import.meta.url);
    assert.deepEqual(readdirSync(directory).sort(), LAYOUTS.map((name) => `${name}.js`).sort());
});

for (const name of LAYOUTS) {
    test(`${name}: all of ASCII and its own characters, one by one and in any order`, async () => {
        const layout = await loadLayout(name);
        const characters = [...`${ASCII}\n\t${OWN[name]}`];
        for (const character of characters) {
            const {strokes, missing} = planTyping(character, layout);
            assert.deepEqual([...missing], []);
            assert.equal(guestText(strokes, layout), character);
        }
        for (let round = 0; round < 300; round++) {
            const text = Array.from({length: Math.floor(Math.random() * 40)},
                                    () => characters[Math.floor(Math.random() * characters.length)]).join('');
            const {strokes, missing} = planTyping(text, layout);
            assert.deepEqual([...missing], []);
            assert.equal(guestText(strokes, layout), text);
        }
    });

    test(`${name}: no character is on two keys, and the keysym of a stroke is that of its character`, async () => {
        const layout = await loadLayout(name);
        for (const character of ASCII) {
            const {strokes} = planTyping(character, layout);
            if (strokes.length === 1) {
                assert.equal(strokes[0].at(-1)[0], character.charCodeAt(0));
            }
        }
        for (const [code, characters] of Object.entries(layout)) {
            assert.ok([...characters].length <= 3, code);
        }
    });

    // QEMU takes it for Caps Lock otherwise.
    test(`${name}: a letter is a capital with Shift and with nothing else`, async () => {
        const layout = await loadLayout(name);
        for (const letter of 'aAzZqQmMwWyY') {
            const [stroke] = planTyping(letter, layout).strokes;
            assert.deepEqual(stroke.slice(0, -1), letter < 'a' ? [[0xffe1, 'ShiftLeft']] : []);
        }
    });
}

test('the keys are those of the layout of the guest', async () => {
    const code = async (text, name) => planTyping(text, await loadLayout(name)).strokes
        .map((stroke) => stroke.map(([, place]) => place).join('+')).join(' ');
    assert.equal(await code('z/@', 'us'), 'KeyZ Slash ShiftLeft+Digit2');
    assert.equal(await code('z/@', 'de'), 'KeyY ShiftLeft+Digit7 AltRight+KeyQ');
    assert.equal(await code('z/@', 'fr'), 'KeyW ShiftLeft+Period AltRight+Digit0');
    assert.equal(await code('^~\u00ea', 'de'), 'Backquote Space AltRight+BracketRight Backquote KeyE');
    assert.equal(await code('^~\u00ea', 'fr'), 'AltRight+Digit9 AltRight+Digit2 BracketLeft KeyE');
    assert.equal(await code('~', 'fr-windows'), 'AltRight+Digit2 Space');
});

test('the end of a line is one Enter, however it is written', async () => {
    const {strokes, missing} = planTyping('a\r\nb\nc\rd\t', await loadLayout('us'));
    assert.equal(missing.size, 0);
    assert.deepEqual(strokes.map((stroke) => stroke[0][1]),
                     ['KeyA', 'Enter', 'KeyB', 'Enter', 'KeyC', 'Enter', 'KeyD', 'Tab']);
    assert.deepEqual(strokes[1], [KEYS.Enter]);
});

test('what a layout cannot give is left out, counted and named', async () => {
    const us = await loadLayout('us');
    const {strokes, missing} = planTyping('a\u20acb\u00e9\u20ac\u0007\u{1f600}\u00a0\u0301', us);
    assert.equal(guestText(strokes, us), 'ab');
    assert.deepEqual([...missing], [['\u20ac', 2], ['\u00e9', 1], ['\u0007', 1], ['\u{1f600}', 1], ['\u00a0', 1],
                                    ['\u0301', 1]]);
    assert.deepEqual(nameMissing(missing), ['\u20ac \u00d72', '\u00e9', 'U+0007', '\u{1f600}', 'U+00A0', 'U+0301']);
});

test('of a text in another script the first characters are named', () => {
    const missing = new Map([...Array(41).keys()].map((index) => [String.fromCodePoint(0x4e00 + index), 1]));
    assert.equal(nameMissing(missing).join(''), `${[...missing.keys()].slice(0, 40).join('')}\u2026`);
    missing.delete('\u4e00');
    assert.equal(nameMissing(missing).length, 40);
});

test('a dead key is not given for the accent of another letter, nor alone', async () => {
    const german = await loadLayout('de');
    for (const text of ['\u0302', 'x\u0302', '\u015b', '\u1ebf', '\u00f1']) {
        const {strokes, missing} = planTyping(text, german);
        assert.equal(guestText(strokes, german), text.replace(/[^x]/g, ''));
        assert.equal(missing.size, 1, text);
    }
});

test('a letter and its accent written apart are typed as one', async () => {
    const french = await loadLayout('fr');
    assert.equal(guestText(planTyping('e\u0301e\u0302', french).strokes, french), '\u00e9\u00ea');
});
