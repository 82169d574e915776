// SPDX-License-Identifier: Apache-2.0
//
// Why there is no console, or no more, and what can be done.

import {showTime, t, translateServerText} from './words.js';

// page: the elements notice, notice-title, notice-text, notice-retry, notice-details, reconnect
export function showNotice(store, connect, page) {
    page.reconnect.addEventListener('click', connect);
    let timer = null;
    store.watch(['ending', 'phase', 'retryAt'], (state) => {
        clearInterval(timer);
        const isConnecting = state.phase === 'checking' || state.phase === 'reaching';
        page.reconnect.disabled = isConnecting;
        page['notice-retry'].hidden = !isConnecting && state.retryAt === null;
        if (state.retryAt !== null) {
            const tick = () => {
                const seconds = Math.max(0, Math.ceil((state.retryAt - performance.now()) / 1000));
                page['notice-retry'].textContent = t('ending.retry', {seconds});
            };
            tick();
            timer = setInterval(tick, 1000);
        } else if (isConnecting) {
            page['notice-retry'].textContent = t(state.ending?.at === null ? 'status.checking' : 'ending.retrying');
        }
    });
    let loss = null;
    store.watch(['ending', 'isRetrying'], ({ending, isRetrying}) => {
        page.notice.hidden = ending === null;
        if (ending === null) {
            return;
        }
        page['notice-title'].textContent = t(isRetrying ? 'ending.lost' : ending.title);
        // What went wrong first is not forgotten for what the attempts since have met.
        loss = isRetrying && loss !== null && !ending.wasOpen ? loss : ending;
        page['notice-text'].textContent = [...new Set([loss, ending].map(endingText))].join('\n');
        page.reconnect.textContent = t(ending.at === null ? 'ending.connect' : 'ending.reconnect');
        page['notice-details'].textContent = describeForOperator(ending);
        page['notice-details'].hidden = page['notice-details'].textContent === '';
        page.reconnect.hidden = !ending.mayReconnect;
        // It is enabled again by now. noVNC has taken away what had the keyboard; who is elsewhere on the page stays
        // there.
        if (ending.mayReconnect && document.activeElement === document.body) {
            page.reconnect.focus();
        }
    });
}

// Return what the user is told of an ending.
export function endingText({text, said}) {
    return text ? t(text) : translateServerText(said);
}

function describeForOperator({at, requestId, code}) {
    return [at && showTime(at), requestId, code && t('ending.code', {code: String(code)})]
        .filter(Boolean).join(' \u00b7 ');
}
