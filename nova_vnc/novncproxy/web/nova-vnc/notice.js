// SPDX-License-Identifier: Apache-2.0
//
// Why there is no console, or no more, and what can be done.

import {t, translateServerText} from './words.js';

// page: the elements notice, notice-title, notice-text, notice-details, reconnect
export function showNotice(store, connect, page) {
    page.reconnect.addEventListener('click', connect);
    store.watch(['ending'], ({ending}) => {
        page.notice.hidden = ending === null;
        if (ending === null) {
            return;
        }
        page['notice-title'].textContent = t(ending.title);
        page['notice-text'].textContent = ending.text ? t(ending.text) : translateServerText(ending.said);
        page['notice-details'].textContent = describeForOperator(ending);
        page['notice-details'].hidden = page['notice-details'].textContent === '';
        page.reconnect.hidden = !ending.mayReconnect;
        if (ending.mayReconnect) {
            page.reconnect.focus();
        }
    });
}

function describeForOperator({requestId, code}) {
    return [requestId, code && t('ending.code', {code: String(code)})].filter(Boolean).join(' \u00b7 ');
}
