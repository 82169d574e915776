// SPDX-License-Identifier: Apache-2.0
//
// The panel with a text that is typed into the VM, and the button that does so with the clipboard of this device.

import {readClipboard} from './clipboard.js';
import {button, labelled, settingChoice, textBox} from './controls.js';
import {takesKeys} from './keyboard.js';
import {SETTINGS} from './settings.js';
import {loadLayout, nameMissing, planTyping} from './typing.js';
import {Typist, guardKeys} from './typist.js';
import {t} from './words.js';

export function typeTools(connection, store, screen) {
    const typist = new Typist(connection, store);
    guardKeys(typist, screen);
    const box = textBox();
    const notes = document.createElement('p');
    notes.className = 'hint';
    notes.setAttribute('role', 'status');

    // What is missing is said before anything is typed: while the text is written, too.
    const plan = async () => {
        try {
            const found = planTyping(box.value, await loadLayout(store.state.settings.layout));
            notes.textContent = describeMissing(found.missing);
            return found;
        } catch (error) {
            console.error(error);
            notes.textContent = t('typing.no-layout');
            return {strokes: [], missing: new Map()};
        }
    };
    box.addEventListener('input', plan);
    let layout = store.state.settings.layout;
    store.watch(['settings'], ({settings}) => {
        if (settings.layout !== layout) {
            layout = settings.layout;
            plan();
        }
    });
    let isPlanning = false;
    const type = async () => {
        // Who clicks twice, the layout being on its way yet, does not want two beginnings.
        if (!isPlanning) {
            isPlanning = true;
            try {
                typist.start((await plan()).strokes);
            } finally {
                isPlanning = false;
            }
        }
    };

    return [{
        id: 'type',
        watches: ['typing'],
        words: ({typing}) => typing?.isRunning ? 'tool.type.busy' : 'tool.type',
        isEnabled: takesKeys,
        fill: (element) => element.append(
            labelled(t('typing.text'), box),
            settingChoice(store, 'layout', SETTINGS.layout.values),
            settingChoice(store, 'typingRate', SETTINGS.typingRate.values),
            notes,
            buildStart(store, typist, type),
            buildProgress(store)),
    }, {
        id: 'type-clipboard',
        place: 'more',
        keepsFocus: true,
        isShown: () => Boolean(navigator.clipboard?.readText),
        isEnabled: takesKeys,
        run: async () => {
            const text = await readClipboard();
            store.set({panel: 'type'});
            if (text === null) {
                notes.textContent = t('clipboard.denied');
                return;
            }
            box.value = text;
            const {strokes, missing} = await plan();
            if (missing.size === 0) {
                typist.start(strokes);
            }
        },
    }];
}

function describeMissing(missing) {
    const count = [...missing.values()].reduce((sum, times) => sum + times, 0);
    return count ? t('typing.missing', {count, characters: nameMissing(missing).join(' ')}) : '';
}

// One button for both, so that who pressed it by keyboard need not look for the other.
function buildStart(store, typist, type) {
    const start = button('', () => typist.isTyping ? typist.stop() : type());
    store.watch(['typing', 'phase', 'settings'], (state) => {
        start.textContent = t(state.typing?.isRunning ? 'typing.stop' : 'typing.start');
        start.disabled = !takesKeys(state);
    });
    return start;
}

function buildProgress(store) {
    const bar = document.createElement('progress');
    bar.setAttribute('aria-label', t('tool.type.busy'));
    const words = document.createElement('span');
    // The bar is for what changes with every key.
    const end = document.createElement('span');
    end.setAttribute('role', 'status');
    const element = document.createElement('p');
    element.className = 'hint';
    element.append(bar, words, end);
    store.watch(['typing'], ({typing}) => {
        // Of a text without a key that could be pressed, nobody is told that all of it is typed.
        element.hidden = !typing?.total;
        if (!element.hidden) {
            const {done, total, isRunning} = typing;
            bar.max = total;
            bar.value = done;
            words.textContent = isRunning ? t('typing.progress', {done, total}) : '';
            end.textContent = isRunning ? '' : t(done === total ? 'typing.done' : 'typing.stopped', {done, total});
        }
    });
    return element;
}
