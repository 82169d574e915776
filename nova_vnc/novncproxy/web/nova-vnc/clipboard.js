// SPDX-License-Identifier: Apache-2.0
//
// The clipboard of the VM, as its VNC server tells of it and takes it, and that of this device, as far as the browser
// gives it to this page: over https, with the leave of the user and of the page that this one is framed by.

import {button, labelled, settingSwitch, textBox} from './controls.js';
import {takesKeys} from './keyboard.js';
import {t} from './words.js';

// Return the text in the clipboard of this device, null where it is not to be had.
export async function readClipboard(clipboard = navigator.clipboard) {
    try {
        return await clipboard.readText();
    } catch {
        return null;
    }
}

// Return whether the text is in the clipboard of this device now.
export async function writeClipboard(text, clipboard = navigator.clipboard) {
    try {
        await clipboard.writeText(text);
        return true;
    } catch {
        return false;
    }
}

export function clipboardTool(connection, store, screen) {
    const box = textBox();
    const notes = document.createElement('p');
    notes.className = 'hint';
    notes.setAttribute('role', 'status');
    const say = (key) => {
        notes.textContent = t(key);
    };
    const send = (text) => connection.rfb?.clipboardPasteFrom(text);

    store.watch(['copied'], ({copied, settings}) => {
        if (copied !== null) {
            box.value = copied.text;
            say('clipboard.came');
            if (settings.shareClipboard) {
                writeClipboard(copied.text);
            }
        }
    });
    shareBySetting(store, screen, box, send);

    return {
        id: 'clipboard',
        isEnabled: takesKeys,
        fill: (element) => {
            const row = document.createElement('div');
            row.className = 'row';
            const give = button(t('clipboard.send'), () => {
                send(box.value);
                say('clipboard.sent');
            });
            // The panel stays open when the connection is lost.
            store.watch(['phase', 'settings'], (state) => {
                give.disabled = !takesKeys(state);
            });
            row.append(
                give,
                button(t('clipboard.copy'), async () => {
                    say(await writeClipboard(box.value) || copyFrom(box) ? 'clipboard.copied' : 'clipboard.denied');
                }));
            element.append(labelled(t('clipboard.text'), box), row, notes);
            if (navigator.clipboard?.readText) {
                element.append(settingSwitch(store, 'shareClipboard'));
            }
        },
    };
}

// Browsers tell of no change in their clipboard; so it is looked at when somebody comes back to the screen.
function shareBySetting(store, screen, box, send) {
    const share = async () => {
        if (!store.state.settings.shareClipboard || !takesKeys(store.state)) {
            return;
        }
        const text = await readClipboard();
        // Which has its lines end in LF, whatever they ended in.
        if (text !== null && text.replace(/\r\n?/g, '\n') !== box.value) {
            box.value = text;
            send(text);
        }
    };
    screen.addEventListener('focusin', share);
    window.addEventListener('focus', share);
}

// Where there is no interface for it, as over http, the browser copies what the user has selected.
function copyFrom(box) {
    box.select();
    return document.execCommand('copy');
}
