// SPDX-License-Identifier: Apache-2.0
//
// What the bar and the title of the window say: whose console this is, and how it is.

import {t} from './words.js';

// words: status.*
export function statusKey({phase, hasPicture}) {
    return phase === 'connected' && !hasPicture ? 'status.picture' : `status.${phase}`;
}

// page: the elements body, name, status
export function showStatus(store, page, title) {
    store.watch(['name'], ({name}) => {
        page.name.textContent = document.title = title || name || t('page.title');
    });
    store.watch(['phase', 'hasPicture', 'ending'], (state) => {
        page.body.dataset.state = state.phase;
        page.status.textContent = state.phase === 'ended' ? t(state.ending.title) : t(statusKey(state));
    });
}
