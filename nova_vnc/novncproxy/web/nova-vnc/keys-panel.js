// SPDX-License-Identifier: Apache-2.0
//
// The panel of special keys.

import {button} from './controls.js';
import {FUNCTION_KEYS, LATCHES, SYSRQ_COMMANDS, sendChord, takesKeys, toggleLatch} from './keyboard.js';
import {t} from './words.js';

export function ctrlAltDelTool(connection) {
    return {
        id: 'ctrl-alt-del',
        isEnabled: takesKeys,
        run: () => sendChord(connection, 'Ctrl', 'Alt', 'Delete'),
    };
}

export function keysTool(connection, store) {
    return {
        id: 'keys',
        isEnabled: takesKeys,
        fill: (element) => {
            const press = (label, ...names) => button(label, (event) => {
                sendChord(connection, ...names);
                returnToGuest(event, connection);
            });
            const groups = [
                group('keys.latches', LATCHES.map((name) => buildLatch(connection, store, name))),
                group('keys.single', ['Tab', 'Esc', 'Print'].map((name) => press(name, name))),
                group('keys.function', FUNCTION_KEYS.map((name) => press(name, name))),
                group('keys.terminals', FUNCTION_KEYS.map((name) => press(name, 'Ctrl', 'Alt', name))),
                group('keys.sysrq', [buildSysRq(connection)]),
            ];
            element.append(...groups, hint('keys.way-out'));
            // The panel stays open when the connection is lost.
            store.watch(['phase', 'settings'], (state) => {
                for (const fieldset of groups) {
                    fieldset.disabled = !takesKeys(state);
                }
            });
        },
    };
}

function buildLatch(connection, store, name) {
    const element = button(name, (event) => {
        toggleLatch(connection, store, name);
        returnToGuest(event, connection);
    });
    store.watch(['latches'], ({latches}) => element.setAttribute('aria-pressed', latches.includes(name)));
    return element;
}

// words: sysrq.*
function buildSysRq(connection) {
    const select = document.createElement('select');
    select.setAttribute('aria-label', t('keys.sysrq'));
    select.append(...SYSRQ_COMMANDS.map((letter) => new Option(`${letter}: ${t(`sysrq.${letter}`)}`, letter)));
    const element = document.createElement('div');
    element.className = 'row';
    element.append(select, button(t('keys.send'), () => sendChord(connection, 'Alt', 'Print', select.value)));
    return element;
}

// Who clicks goes on typing; who got here by keyboard stays, and goes by Esc.
function returnToGuest(event, connection) {
    if (event.detail > 0) {
        connection.focus();
    }
}

function group(key, elements) {
    const element = document.createElement('fieldset');
    const legend = document.createElement('legend');
    legend.textContent = t(key);
    element.append(legend, ...elements);
    return element;
}

function hint(key) {
    const element = document.createElement('p');
    element.className = 'hint';
    element.textContent = t(key);
    return element;
}
