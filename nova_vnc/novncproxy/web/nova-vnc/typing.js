// SPDX-License-Identifier: Apache-2.0
//
// Which keys to press for a text. Pure, but for the loading of a layout.
//
// A virtual machine gets places of keys, not characters, where its server knows them (QEMU's extended key events), and
// its own keyboard layout makes characters of them. So the layout of the guest must be known here, and the keys be
// those that somebody at such a keyboard would press.
//
// A layout (layouts/NAME.js) has for each key by its place (UI Events KeyboardEvent code Values) the characters that it
// gives by itself, with Shift, and with AltGr, one after the other. A combining character (Unicode's U+0300 and on) is
// a dead key: it gives nothing, and the next letter an accent, or before a space the accent itself.
//
// A stroke is a list of keys that are pressed together, the last one with those before it held; for a key see
// keyboard.js. Keysyms are right for each stroke by themselves, for servers that look at nothing else; and a letter is
// a capital with Shift, or else QEMU would press Caps Lock.

import {KEYS} from './keyboard.js';

const MODIFIERS = [[], [[0xffe1, 'ShiftLeft']], [[0xfe03, 'AltRight']]];

// Dead keys: X11's keysyms, and the accent as a character of its own.
const DEAD = {
    '\u0300': {keysym: 0xfe50, alone: '`'},
    '\u0301': {keysym: 0xfe51, alone: '\u00b4'},
    '\u0302': {keysym: 0xfe52, alone: '^'},
    '\u0303': {keysym: 0xfe53, alone: '~'},
    '\u0308': {keysym: 0xfe57, alone: '\u00a8'},
};

// Of what dead keys and letters make, the consoles of Linux know by themselves what is in Latin-1.
const LAST_COMPOSED = '\u00ff';

const MOST_NAMED = 40;

export async function loadLayout(name) {
    return (await import(`./layouts/${name}.js`)).default;
}

// Return the plan of a text for a layout:
//   strokes  one after the other
//   missing  a Map of the characters that the layout cannot give, and how often each is in the text
export function planTyping(text, layout) {
    const strokes = listStrokes(layout);
    const plan = {strokes: [], missing: new Map()};
    for (const character of text.replace(/\r\n?/g, '\n').normalize('NFC')) {
        const found = findStrokes(character, strokes);
        plan.strokes.push(...found);
        if (found.length === 0) {
            plan.missing.set(character, (plan.missing.get(character) ?? 0) + 1);
        }
    }
    return plan;
}

// Return what to call the characters of such a Map, each with its number where there are several; of a text in another
// script the first ones say enough.
export function nameMissing(missing) {
    const names = [...missing].slice(0, MOST_NAMED)
        .map(([character, count]) => nameOf(character) + (count > 1 ? ` \u00d7${count}` : ''));
    return missing.size > MOST_NAMED ? [...names, '\u2026'] : names;
}

function nameOf(character) {
    return /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character)
        ? character : `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

// Return a Map of the characters, and dead keys, that one stroke gives.
function listStrokes(layout) {
    const strokes = new Map([[' ', [[0x20, 'Space']]], ['\n', [KEYS.Enter]], ['\t', [KEYS.Tab]]]);
    for (const [level, modifiers] of MODIFIERS.entries()) {
        for (const [code, characters] of Object.entries(layout)) {
            const character = [...characters][level];
            if (character !== undefined && !strokes.has(character)) {
                strokes.set(character, [...modifiers, [keysymOf(character), code]]);
            }
        }
    }
    return strokes;
}

// X11: Latin-1 as it is, then Unicode from 0x1000000 on; the Euro sign is older than that.
function keysymOf(character) {
    const codePoint = character.codePointAt(0);
    return DEAD[character]?.keysym ?? (codePoint < 0x100 || codePoint === 0x20ac ? codePoint : 0x1000000 + codePoint);
}

function findStrokes(character, strokes) {
    if (strokes.has(character) && !(character in DEAD)) {
        return [strokes.get(character)];
    }
    const [letter, accent] = takeApart(character);
    return strokes.has(letter) && strokes.has(accent) ? [strokes.get(accent), strokes.get(letter)] : [];
}

// Return letter and dead key of a character.
function takeApart(character) {
    const [accent] = Object.entries(DEAD).find(([, {alone}]) => alone === character) ?? [];
    if (accent) {
        return [' ', accent];
    }
    const parts = [...character.normalize('NFD')];
    return character <= LAST_COMPOSED && parts.length === 2 && parts[1] in DEAD ? parts : [];
}
