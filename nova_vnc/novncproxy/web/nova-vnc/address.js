// SPDX-License-Identifier: Apache-2.0
//
// The arguments of the page, in the query or the fragment of its address; the fragment goes first. Pure.
//
//   path         where the WebSocket is, from the root of this server on; holds the token: ?token=...
//   token        the token, where path does not hold it
//   title        the title of the page; otherwise the name of the VM
//   scale        1: fit the screen to the window; 0: never; otherwise only where it is too large for the window
//
// As noVNC documents them for its own page (docs/EMBEDDING.md), with its names; they go before what the
// browser remembers:
//
//   resize       scale: fit the screen to the window; remote: ask the VM to fit its screen to it; off: real size
//   view_only    1: send no keys and no mouse
//   view_clip    1: of a screen in its real size show a part, to be dragged about, rather than scroll bars
//   show_dot     1: a dot where the guest shows no pointer
//   quality      0 to 9
//   compression  0 to 9
//   autoconnect  0: wait for the user
//   reconnect    0: do not connect again by itself after a loss
//   reconnect_delay
//                milliseconds before the first attempt to do so
//   shared       0: have the VNC server turn out whoever else looks
//   bell         1: let the guest ring
//   logging      error, warn, info, debug: what noVNC writes into the console of the browser
//
// host, port and encrypt would take a token to where the link did not come from; password and repeaterID are the
// proxy's affair. They are not read.

const TRUE = ['1', 'true', 'yes', 'on'];
const FALSE = ['0', 'false', 'no', 'off'];
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'];
// Shorter, and a service that starts anew is run over by those that wait for it; longer, and it seems not to happen.
const RECONNECT_DELAY_MS = {least: 250, most: 60000};
const SCALING_BY_RESIZE = {scale: 'fit', remote: 'remote', off: 'real'};

// Return {name: text} of a `location`, or of what has its search and hash.
export function readArguments({search, hash}) {
    const found = Object.create(null);
    for (const source of [hash.slice(1), search]) {
        for (const [name, value] of new URLSearchParams(source)) {
            found[name] ??= value;
        }
    }
    return found;
}

export function isSet(value) {
    return TRUE.includes(value);
}

// Return what the arguments say of the settings (settings.js), and nothing of those that they do not name.
export function readSettings({scale, resize, view_only, view_clip, show_dot, quality, compression}) {
    const said = {};
    // noVNC's own page shows the real size unless it is told otherwise, and that is all that there is to clip.
    const otherwise = SCALING_BY_RESIZE[resize] ?? (isSet(view_clip) ? 'real' : undefined);
    const scaling = scale === undefined ? otherwise : isSet(scale) ? 'fit' : 'real';
    for (const [name, value] of Object.entries({
        scaling: resize === 'remote' ? 'remote' : scaling,
        viewOnly: view_only && isSet(view_only),
        viewClip: view_clip && isSet(view_clip),
        showDot: show_dot && isSet(show_dot),
        quality: readLevel(quality),
        compression: readLevel(compression),
    })) {
        if (value !== undefined) {
            said[name] = value;
        }
    }
    return said;
}

// Return how the page is to connect:
//   isAutomatic        at once, rather than when the user asks for it
//   isShared           others may look too
//   reconnects         by itself after a loss. Who turns others out does so once: two such pages would take the
//                      screen from each other for ever
//   reconnectDelayMs   before the first attempt, undefined for the usual
//   logLevel           of noVNC, undefined for the usual
export function readConnecting({autoconnect, shared, reconnect, reconnect_delay, logging}) {
    const isShared = !FALSE.includes(shared);
    const {least, most} = RECONNECT_DELAY_MS;
    return {
        isAutomatic: !FALSE.includes(autoconnect),
        isShared,
        reconnects: isShared && !FALSE.includes(reconnect),
        reconnectDelayMs: /^[0-9]+$/.test(reconnect_delay ?? '')
            ? Math.min(most, Math.max(least, Number(reconnect_delay))) : undefined,
        logLevel: LOG_LEVELS.find((level) => level === logging),
    };
}

function readLevel(text) {
    return /^[0-9]$/.test(text ?? '') ? Number(text) : undefined;
}

// Return the address of the WebSocket. It is on the server that the page came from, whatever the arguments say.
export function websocketUrl({path = '', token}, {protocol, host}) {
    // With a fragment it would be no address of a WebSocket.
    let target = path.replace(/^\/+/, '').replaceAll('#', '%23');
    if (token && !/[?&]token=/.test(target)) {
        target += `${target.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`;
    }
    return `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/${target}`;
}
