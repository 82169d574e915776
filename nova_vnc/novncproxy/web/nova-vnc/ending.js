// SPDX-License-Identifier: Apache-2.0
//
// What became of a connection: from close code and reason to what the user is told, and whether to try again. Pure.
//
// The codes: 4000 + the HTTP status of a refusal (nova_vnc/novncproxy/refusal.py), 4440 for the end of a session's time
// (session_timeout.py), 4429 also for a session that had to give way (registry.py); else those of RFC 6455, 7.4.1.

// After an end with one of these codes the same link cannot work a second time.
export const CODES_OF_USELESS_LINKS = [4401, 4410, 4421, 4440];

// What may be over by itself: the proxy restarts (1001, 1012), it or the network is gone (1006), the VM or its host is
// (1000, 1011, 4502, 4503, 4504). Whatever else has a code of its own was somebody's will, or needs somebody's hand.
const CODES_THAT_MAY_PASS = [1000, 1001, 1006, 1011, 1012, 1013, 4502, 4503, 4504];

const REQUEST_ID = / \((req-[^)]*)\)$/;

// Return an ending:
//   title, text    keys of words; text is '' where the server has said something
//   said           what the server has said, '' for nothing
//   requestId      under which the operator finds more, '' for none
//   code           the close code of the WebSocket
//   at             when, a Date; null: nothing has begun yet
//   wasOpen        the screen was there
//   mayReconnect   the same link may work once more
//   mayPass        it is worth trying without being asked to, if there was a screen before
//
// of a fate:
//   wasOpen  the screen was there
//   refusal  what the server said in RFB, '' for nothing
//   code     the close code of the WebSocket
//   reason   the text beside it
export function explainEnding({wasOpen, refusal, code, reason}, at = new Date()) {
    const told = refusal || reason;
    const said = told.replace(REQUEST_ID, '');
    return {
        ...describe(wasOpen, said, code),
        said,
        requestId: told.match(REQUEST_ID)?.[1] ?? '',
        code,
        at,
        wasOpen,
        mayReconnect: !CODES_OF_USELESS_LINKS.includes(code),
        mayPass: CODES_THAT_MAY_PASS.includes(code),
    };
}

function describe(wasOpen, said, code) {
    if (!wasOpen) {
        return {title: 'ending.none', text: said ? '' : 'ending.none.unreachable'};
    }
    if (said) {
        return {title: 'ending.closed', text: ''};
    }
    if (code === 1000) {
        return {title: 'ending.closed', text: 'ending.closed.by-vm'};
    }
    return {title: 'ending.lost', text: code === 1011 ? 'ending.lost.vm' : 'ending.lost.service'};
}

// Of a page without its files there is nothing to connect with.
export function explainMissingFiles(at = new Date()) {
    return {title: 'ending.none', text: 'ending.none.files', said: '', requestId: '', code: null, at,
            wasOpen: false, mayReconnect: false, mayPass: false};
}

// Where the address wants the user to say when to connect.
export function explainWaiting() {
    return {title: 'ending.waiting', text: 'ending.waiting.text', said: '', requestId: '', code: null, at: null,
            wasOpen: false, mayReconnect: true, mayPass: false};
}
