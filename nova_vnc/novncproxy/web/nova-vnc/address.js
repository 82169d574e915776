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
//   quality      0 to 9
//   compression  0 to 9

const TRUE = ['1', 'true', 'yes', 'on'];
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
export function readSettings({scale, resize, view_only, quality, compression}) {
    const said = {};
    const scaling = scale === undefined ? SCALING_BY_RESIZE[resize] : isSet(scale) ? 'fit' : 'real';
    for (const [name, value] of Object.entries({
        scaling: resize === 'remote' ? 'remote' : scaling,
        viewOnly: view_only && isSet(view_only),
        quality: readLevel(quality),
        compression: readLevel(compression),
    })) {
        if (value !== undefined) {
            said[name] = value;
        }
    }
    return said;
}

function readLevel(text) {
    return /^[0-9]$/.test(text ?? '') ? Number(text) : undefined;
}

// Return the address of the WebSocket. It is on the server that the page came from, whatever the arguments say.
export function websocketUrl({path = '', token}, {protocol, host}) {
    let target = path.replace(/^\/+/, '');
    if (token && !/[?&]token=/.test(target)) {
        target += `${target.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`;
    }
    return `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/${target}`;
}
