// SPDX-License-Identifier: Apache-2.0
//
// Keys that are not to be had by pressing them. A key is [keysym, code]: X11's keysym (X11/keysymdef.h), and the name
// of its place on the keyboard (UI Events KeyboardEvent code values), which noVNC sends where the server takes it.

export const KEYS = {
    Ctrl: [0xffe3, 'ControlLeft'],
    Alt: [0xffe9, 'AltLeft'],
    Delete: [0xffff, 'Delete'],
};

// Return the presses and releases of keys that are pressed together: [[keysym, code, isDown], ...].
export function chord(...names) {
    const keys = names.map((name) => KEYS[name]);
    return [...keys.map((key) => [...key, true]), ...keys.reverse().map((key) => [...key, false])];
}

export function sendChord(connection, ...names) {
    for (const press of chord(...names)) {
        connection.rfb?.sendKey(...press);
    }
}

export function ctrlAltDelTool(connection) {
    return {
        id: 'ctrl-alt-del',
        isEnabled: ({phase, settings}) => phase === 'connected' && !settings.viewOnly,
        run: () => sendChord(connection, 'Ctrl', 'Alt', 'Delete'),
    };
}
