// SPDX-License-Identifier: Apache-2.0
//
// After a connection that was lost: try again by itself, for as long as the link may work.

const FIRST_MS = 1000;
const MOST_MS = 30000;
// A connection that is over before that is no better than none: the next attempt waits longer still.
const SETTLED_MS = 5000;

// Return how long to wait before the attempt of this number, from 0 on. Pure; `random` is from 0 to 1: where a proxy is
// gone, not all its users are to come back at the same moment.
export function waitBefore(attempt, random, firstMs = FIRST_MS) {
    return Math.min(Math.max(MOST_MS, firstMs), firstMs * 2 ** attempt) * (0.75 + 0.5 * random);
}

// Call connect() after a loss, unless the address forbids it (address.js: readConnecting); return what does so now.
export function keepConnected(connection, store, {reconnects = true, reconnectDelayMs} = {}) {
    let timer = null;
    let attempt = 0;
    let settling = null;
    const tryNow = () => {
        clearTimeout(timer);
        timer = null;
        store.set({retryAt: null});
        connection.connect();
    };
    connection.addEventListener('opened', () => {
        settling = setTimeout(() => {
            attempt = 0;
        }, SETTLED_MS);
        store.set({isRetrying: false});
    });
    const heed = (ending) => {
        clearTimeout(settling);
        const isToRetry = reconnects && ending.mayPass && (ending.wasOpen || store.state.isRetrying);
        if (!isToRetry) {
            store.set({isRetrying: false});
            return;
        }
        const wait = waitBefore(attempt++, Math.random(), reconnectDelayMs);
        timer = setTimeout(tryNow, wait);
        store.set({phase: 'lost', isRetrying: true, retryAt: performance.now() + wait});
    };
    connection.addEventListener('closed', ({detail: ending}) => heed(ending));
    // The first connection may be over by now.
    if (store.state.phase === 'ended') {
        heed(store.state.ending);
    }
    // The network is back.
    window.addEventListener('online', () => {
        if (timer !== null) {
            tryNow();
        }
    });
    return tryNow;
}
