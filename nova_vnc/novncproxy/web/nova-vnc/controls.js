// SPDX-License-Identifier: Apache-2.0
//
// What is in a panel: labelled controls, most of them for one setting each. Their words are setting.NAME, and for one
// choice of several setting.NAME.VALUE.

import {changeSetting} from './settings.js';
import {t} from './words.js';

// Each of these returns an element that shows the setting and changes it.

// words: setting.*
export function settingChoice(store, name, values) {
    const select = document.createElement('select');
    select.append(...values.map((value) => new Option(t(`setting.${name}.${value}`), value)));
    select.addEventListener('change', () => changeSetting(store, name, select.value));
    store.watch(['settings'], ({settings}) => {
        select.value = settings[name];
    });
    return labelled(t(`setting.${name}`), select);
}

export function settingSwitch(store, name) {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.addEventListener('change', () => changeSetting(store, name, box.checked));
    store.watch(['settings'], ({settings}) => {
        box.checked = settings[name];
    });
    const element = labelled(t(`setting.${name}`), box);
    element.classList.add('switch');
    return element;
}

export function settingLevel(store, name) {
    const range = document.createElement('input');
    Object.assign(range, {type: 'range', min: 0, max: 9, step: 1});
    range.addEventListener('change', () => changeSetting(store, name, range.valueAsNumber));
    store.watch(['settings'], ({settings}) => {
        range.value = settings[name];
    });
    return labelled(t(`setting.${name}`), range);
}

// A field for a text that is nobody else's: browsers send what they check the spelling of.
export function textBox() {
    const box = document.createElement('textarea');
    Object.assign(box, {rows: 6, spellcheck: false, autocomplete: 'off'});
    box.setAttribute('autocapitalize', 'off');
    return box;
}

export function labelled(text, control) {
    const element = document.createElement('label');
    const words = document.createElement('span');
    words.textContent = text;
    element.className = 'control';
    element.append(words, control);
    return element;
}

// A button that says its text and, where that is not for everybody's ears, `label` to a screen reader.
export function button(text, run, label = '') {
    const element = document.createElement('button');
    element.type = 'button';
    element.textContent = text;
    if (label) {
        element.setAttribute('aria-label', label);
        element.title = label;
    }
    element.addEventListener('click', run);
    return element;
}
