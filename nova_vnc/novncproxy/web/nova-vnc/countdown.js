// SPDX-License-Identifier: Apache-2.0
//
// The warning above the screen that the session ends in so many seconds.

import {t, textParts} from './words.js';

export function showCountdown(store, warning) {
    const time = document.createElement('span');
    time.id = 'warning-time';
    // The warning is read out once, not every second.
    time.setAttribute('aria-live', 'off');
    let timer = null;
    store.watch(['endsAt'], ({endsAt}) => {
        clearInterval(timer);
        warning.hidden = endsAt === null;
        if (endsAt === null) {
            return;
        }
        const tick = () => {
            const seconds = Math.max(0, Math.round((endsAt - performance.now()) / 1000));
            time.textContent = t('warning.seconds', {seconds});
        };
        tick();
        timer = setInterval(tick, 1000);
        warning.replaceChildren(...textParts('warning.ends-in', {time}));
    });
}
