// SPDX-License-Identifier: Apache-2.0
//
// Keys that are not to be had by pressing them, since browser, system or touch screen take or lack them. The tables and
// chord() are pure.
//
// A key is [keysym, code]: X11's keysym (X11/keysymdef.h), and the name of its place on the keyboard (UI Events
// KeyboardEvent code Values), which noVNC sends where the server takes it.

const letters = [...'abcdefghijklmnopqrstuvwxyz'].map((letter) => [
    letter, [letter.charCodeAt(0), `Key${letter.toUpperCase()}`]]);
const functionKeys = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((number) => [
    `F${number}`, [0xffbd + number, `F${number}`]]);

export const KEYS = {
    Ctrl: [0xffe3, 'ControlLeft'],
    Alt: [0xffe9, 'AltLeft'],
    Win: [0xffeb, 'MetaLeft'],
    Tab: [0xff09, 'Tab'],
    Esc: [0xff1b, 'Escape'],
    Delete: [0xffff, 'Delete'],
    Backspace: [0xff08, 'Backspace'],
    Enter: [0xff0d, 'Enter'],
    Print: [0xff61, 'PrintScreen'],
    ...Object.fromEntries(functionKeys),
    ...Object.fromEntries(letters),
};

// Keys that can be held down while others are pressed.
export const LATCHES = ['Ctrl', 'Alt', 'Win'];
export const FUNCTION_KEYS = functionKeys.map(([name]) => name);
// What Linux does on Alt-SysRq and one of these (admin-guide/sysrq.rst of its documentation); SysRq is Print's key.
export const SYSRQ_COMMANDS = [...'hreisubfklmtw'];

// Return the presses and releases of keys that are pressed together: [[keysym, code, isDown], ...].
export function pressed(keys) {
    return [...keys.map((key) => [...key, true]), ...[...keys].reverse().map((key) => [...key, false])];
}

export function chord(...names) {
    return pressed(names.map((name) => KEYS[name]));
}

export function sendChord(connection, ...names) {
    for (const press of chord(...names)) {
        connection.rfb?.sendKey(...press);
    }
}

// Keys can be sent now.
export function takesKeys({phase, settings}) {
    return phase === 'connected' && !settings.viewOnly;
}

// Hold a key down, or let go of it.
export function toggleLatch(connection, store, name) {
    const {latches} = store.state;
    const isHeld = latches.includes(name);
    connection.rfb?.sendKey(...KEYS[name], !isHeld);
    store.set({latches: isHeld ? latches.filter((held) => held !== name) : [...latches, name]});
}

// A key that was pressed at the screen is let go of at whatever has the keyboard by then, as a panel that was opened
// meanwhile. noVNC hears of keys at its screen alone, and heeds no release of a key that it does not know to be down.
export function passOnReleases(screen) {
    window.addEventListener('keyup', (event) => {
        if (!screen.contains(event.target)) {
            screen.querySelector('canvas')?.dispatchEvent(new KeyboardEvent('keyup', event));
        }
    }, true);
}

// See to it that no key stays down for ever.
export function releaseLatches(connection, store) {
    store.watch(['phase', 'settings'], (state) => {
        if (!takesKeys(state) && state.latches.length) {
            const {rfb} = connection;
            if (rfb !== null) {
                // With view only it sends no keys.
                rfb.viewOnly = false;
                for (const name of state.latches) {
                    rfb.sendKey(...KEYS[name], false);
                }
                rfb.viewOnly = state.settings.viewOnly;
            }
            store.set({latches: []});
        }
    });
}
