// SPDX-License-Identifier: Apache-2.0
//
// Whether the guest's screen is blank: of one colour, every pixel of it, for some seconds. Guests switch their screens
// off when nobody types, and a black window looks like a console that does not work.

import {t} from './words.js';

const INTERVAL_MS = 500;
const PATIENCE_MS = 3000;
// A look at a screen so small costs nothing, and is enough for most that are not blank.
const COARSE = 32;

// Return whether all pixels (RGBA bytes, as in ImageData) are of one colour; there is at least one of them. Pure.
export function isOneColour(bytes) {
    const pixels = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    return pixels.length > 0 && pixels.every((pixel) => pixel === pixels[0]);
}

// Return a function that is told what is seen, and when (in milliseconds), and returns whether it has been blank for
// long enough. Pure.
export function createPatience(patienceMs = PATIENCE_MS) {
    let since = null;
    return (isBlank, now) => {
        since = isBlank ? since ?? now : null;
        return since !== null && now - since >= patienceMs;
    };
}

export function watchForBlank(store, screen) {
    const copy = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const looksBlank = (canvas, width, height) => {
        copy.canvas.width = width;
        copy.canvas.height = height;
        copy.drawImage(canvas, 0, 0, width, height);
        return isOneColour(copy.getImageData(0, 0, width, height).data);
    };
    let hasPatienceEnded = createPatience();
    let timer = null;
    const look = () => {
        const canvas = screen.querySelector('canvas');
        if (!document.hidden && canvas?.width && canvas.height) {
            const isBlank = looksBlank(canvas, COARSE, COARSE) && looksBlank(canvas, canvas.width, canvas.height);
            store.set({isBlank: hasPatienceEnded(isBlank, performance.now())});
        }
    };
    store.watch(['phase', 'hasPicture'], ({phase, hasPicture}) => {
        clearInterval(timer);
        hasPatienceEnded = createPatience();
        store.set({isBlank: false});
        if (phase === 'connected' && hasPicture) {
            timer = setInterval(look, INTERVAL_MS);
        }
    });
}

// hint: an element that is there all the time, or else a screen reader would not read it out
export function showBlank(store, hint) {
    store.watch(['isBlank', 'settings'], ({isBlank, settings}) => {
        const text = settings.viewOnly ? t('blank.view-only') : t('blank.wake');
        hint.textContent = isBlank ? text : '';
    });
}
