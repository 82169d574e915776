// SPDX-License-Identifier: Apache-2.0
//
// What the page around this one hears, where it is in a frame: {source: 'nova-vnc', version, event, ...} by
// postMessage. doc/source/user/embedding.rst is the contract. Nothing of the address is in it, which holds the token,
// and nothing that the other page says is heeded: to give the console the keyboard it focuses the frame.

import {endingText} from './notice.js';
import {findServerKey} from './words.js';

const SOURCE = 'nova-vnc';
const VERSION = 1;

// Return the origin of the page around, '' where it is not known: in a browser without ancestorOrigins beside a
// page that tells no referrer, or where that page has none (a sandbox).
export function parentOrigin({location, document}) {
    const origin = location.ancestorOrigins?.[0] ?? originOf(document.referrer);
    return origin === 'null' ? '' : origin;
}

function originOf(url) {
    try {
        return new URL(url).origin;
    } catch {
        return '';
    }
}

// Return the event that a state is, null for none. Pure.
export function describeEvent({phase, name, ending, isRetrying}) {
    if (phase === 'connected') {
        return {event: 'connected', name};
    }
    if (!ending?.at) {
        return null;
    }
    const {said, text, code, requestId, mayReconnect} = ending;
    return {
        event: 'ended',
        name,
        reason: said ? findServerKey(said) ?? 'server' : text,
        code,
        text: endingText(ending),
        requestId,
        mayReconnect,
        isRetrying,
    };
}

// Call send(event) for each connection and each end of one.
export function reportEvents(store, send) {
    let told = null;
    const report = () => {
        const {phase, ending} = store.state;
        const news = phase === 'connected' ? phase : ending;
        if (news !== told) {
            told = news;
            const event = describeEvent(store.state);
            if (event !== null) {
                send(event);
            }
        }
    };
    // Whether it is tried again is known when all have heard of an end.
    store.watch(['phase', 'ending'], () => queueMicrotask(report));
}

// Return the message of an event for an origin. Of a page that is not known nobody knows whether the name of the VM,
// or what became of it, is for its ears; it hears that something is, and no more.
export function buildMessage(event, origin) {
    return {source: SOURCE, version: VERSION, ...(origin ? event : {event: event.event})};
}

export function tellParent(store, connection) {
    if (window.parent === window) {
        return;
    }
    const origin = parentOrigin(window);
    reportEvents(store, (event) => window.parent.postMessage(buildMessage(event, origin), origin || '*'));
    // The page around has focused the frame. Who has come by Tab or a click is elsewhere a moment later.
    window.addEventListener('focus', () => setTimeout(() => {
        if (document.activeElement === document.body) {
            connection.focus();
        }
    }));
}
