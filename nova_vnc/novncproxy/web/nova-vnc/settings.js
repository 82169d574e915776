// SPDX-License-Identifier: Apache-2.0
//
// What the user may choose, and what of it the browser remembers. Never anything of the address: it holds a token.

const KEY = 'nova-vnc.settings';

const SCALINGS = ['auto', 'fit', 'real', 'remote'];

// Of the guest's keyboard: files in layouts/.
const LAYOUTS = ['us', 'de', 'fr', 'fr-windows'];
// Keys in a second. QEMU passes on 100 events in a second and loses some where too many wait; a key with Shift is four.
const TYPING_RATES = ['2', '5', '10', '20', '25'];

const isLevel = (value) => Number.isInteger(value) && value >= 0 && value <= 9;
const isBoolean = (value) => typeof value === 'boolean';

// initial: without any choice; isValid: of what was stored, by whatever version of this page; isKept: whether it is
// remembered. Somebody who only looked at one VM is not to wonder why the next one takes no keys.
export const SETTINGS = {
    // auto: a screen larger than the window is made to fit; fit: always made to fit; real: never; remote: the guest is
    // asked to fit its screen to the window
    scaling: {initial: 'auto', values: SCALINGS, isValid: (value) => SCALINGS.includes(value), isKept: true},
    viewOnly: {initial: false, isValid: isBoolean, isKept: false},
    // Only the address says these.
    viewClip: {initial: false, isValid: isBoolean, isKept: false},
    showDot: {initial: false, isValid: isBoolean, isKept: false},
    // noVNC's defaults.
    quality: {initial: 6, isValid: isLevel, isKept: true},
    compression: {initial: 2, isValid: isLevel, isKept: true},
    layout: {initial: 'us', values: LAYOUTS, isValid: (value) => LAYOUTS.includes(value), isKept: true},
    typingRate: {initial: '20', values: TYPING_RATES, isValid: (value) => TYPING_RATES.includes(value), isKept: true},
    // Whether the clipboards of this device and of the VM become one. A password in the one is not to get into the
    // other unless somebody wants that, of this VM.
    shareClipboard: {initial: false, isValid: isBoolean, isKept: false},
};

// Return all settings: the initial ones, over them those of `stored` (JSON text or null) that are valid, over those the
// `said` of the address.
export function mergeSettings(stored, said = {}) {
    const kept = parse(stored);
    return Object.fromEntries(Object.entries(SETTINGS).map(([name, {initial, isValid, isKept}]) => [
        name, [said[name], isKept ? kept[name] : undefined].find((value) => value !== undefined && isValid(value))
              ?? initial]));
}

function parse(stored) {
    try {
        return JSON.parse(stored) ?? {};
    } catch {
        return {};
    }
}

// In a frame of another site, or by the user's will, there may be no storage: then nothing is remembered.
export function loadSettings(said, storage = () => window.localStorage) {
    let stored = null;
    try {
        stored = storage().getItem(KEY);
    } catch { /* as said */ }
    return mergeSettings(stored, said);
}

// Change one setting, and remember it beside what else was chosen; what only the address said is not remembered.
export function changeSetting(store, name, value, storage = () => window.localStorage) {
    if (!SETTINGS[name].isValid(value)) {
        throw new Error(`${value} is nothing for ${name}`);
    }
    store.set({settings: {...store.state.settings, [name]: value}});
    if (SETTINGS[name].isKept) {
        try {
            storage().setItem(KEY, JSON.stringify({...parse(storage().getItem(KEY)), [name]: value}));
        } catch { /* as above */ }
    }
}

// Have noVNC do what the settings say. How the screen fits the window is in screen.js.
export function applySettings(connection, store) {
    const apply = () => {
        const {rfb} = connection;
        if (rfb !== null) {
            const {viewOnly, showDot, quality, compression} = store.state.settings;
            rfb.viewOnly = viewOnly;
            rfb.showDotCursor = showDot;
            rfb.qualityLevel = quality;
            rfb.compressionLevel = compression;
        }
    };
    connection.addEventListener('created', apply);
    store.watch(['settings'], apply);
}
