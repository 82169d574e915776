// SPDX-License-Identifier: Apache-2.0
//
// The keyboard of a touch screen, which comes up for a text field only, and does not press keys but changes the text:
// so there is a field that nobody sees, and what changes in it is typed.

import {KEYS, takesKeys} from './keyboard.js';

// What is always in the field, or else there would be nothing for the first Backspaces to delete.
export const FILLING = '_'.repeat(64);
// Beyond this length the field begins anew; words that a keyboard wants to correct are shorter.
const MAX_LENGTH = 512;

// Return what was typed for the text of a field to become another: so many characters deleted from its end, and a list
// of characters. Pure.
export function whatWasTyped(before, after) {
    const [old, now] = [[...before], [...after]];
    let same = 0;
    while (same < old.length && same < now.length && old[same] === now[same]) {
        same++;
    }
    return {deleted: old.length - same, characters: now.slice(same)};
}

export function touchKeyboardTool(connection, field) {
    const press = (keysym, code) => connection.rfb?.sendKey(keysym, code);
    let before = FILLING;
    const restart = () => {
        field.value = before = FILLING;
        field.setSelectionRange(before.length, before.length);
    };
    field.addEventListener('focus', restart);
    // One after the other, though a key may have to be looked up.
    let typed = Promise.resolve();
    field.addEventListener('input', () => {
        const {deleted, characters} = whatWasTyped(before, field.value);
        before = field.value;
        if (before.length > MAX_LENGTH || before.length < FILLING.length / 2) {
            restart();
        }
        typed = typed.then(async () => {
            for (let count = 0; count < deleted; count++) {
                press(...KEYS.Backspace);
            }
            for (const character of characters) {
                press(...await keyOf(character));
            }
        });
    });
    return {
        id: 'touch-keyboard',
        place: 'bar',
        keepsFocus: true,
        isShown: () => matchMedia('(any-pointer: coarse)').matches,
        isEnabled: takesKeys,
        run: () => document.activeElement === field ? field.blur() : field.focus(),
    };
}

async function keyOf(character) {
    if (character === '\n') {
        return KEYS.Enter;
    }
    // noVNC's table; RFB has loaded it already.
    const {default: keysyms} = await import('../core/input/keysymdef.js');
    return [keysyms.lookup(character.codePointAt(0)), KEYS[character.toLowerCase()]?.[1] ?? null];
}
