// SPDX-License-Identifier: Apache-2.0
//
// The console page: noVNC's RFB class, a bar above the screen, and words for whatever goes wrong.
//
// Arguments, in the query or the fragment of the page's address:
//   path       where the WebSocket is, from the root of this server on; holds the token: ?token=...
//   token      the token, where path does not hold it
//   title      the title of the page; otherwise the name of the VM
//   scale      1: fit the screen to the window; 0: never; otherwise only where it is too large for the window
//   resize     as in noVNC's own page: scale, remote (ask the VM to fit its screen to the window), off
//   view_only  1: send no keys and no mouse
//
// Works with noVNC 1.3 and later, which take a WebSocket in place of its address. So its close code can be seen here.

const page = {};
for (const id of ['name', 'status', 'screen', 'notice', 'notice-title', 'notice-text', 'notice-details', 'reconnect',
                  'ctrl-alt-del', 'fullscreen', 'warning', 'warning-time']) {
    page[id] = document.getElementById(id);
}

// Lets the server send text messages between those of RFB, and answers to it with the same word where it knows it.
const SUBPROTOCOLS = ['nova-vnc.notices', 'binary'];
// After an end with one of these codes (4000 + HTTP status) the same link cannot work a second time.
const CODES_OF_USELESS_LINKS = [4401, 4410, 4421, 4440];
// noVNC closes the WebSocket when it has read a refusal; the server's close frame is then on its way.
const CLOSE_FRAME_PATIENCE_MS = 2000;

const fragment = new URLSearchParams(location.hash.slice(1));
const query = new URLSearchParams(location.search);
const argument = (name) => fragment.get(name) ?? query.get(name);
const isSet = (value) => ['1', 'true', 'yes', 'on'].includes(value);

let countdown = null;
let RFB = null;
let rfb = null;

function websocketUrl() {
    let path = (argument('path') ?? '').replace(/^\/+/, '');
    const token = argument('token');
    if (token && !/[?&]token=/.test(path)) {
        path += (path.includes('?') ? '&' : '?') + 'token=' + encodeURIComponent(token);
    }
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    return `${scheme}//${location.host}/${path}`;
}

function show(state, status) {
    document.body.dataset.state = state;
    page.status.textContent = status;
    page['ctrl-alt-del'].disabled = state !== 'connected' || rfb.viewOnly;
}

function nameConsole(name) {
    page.name.textContent = argument('title') || name;
    document.title = argument('title') || name;
}

// Show above the screen that the console closes in so many seconds; null: take that away.
function warnOfEnd(seconds) {
    clearInterval(countdown);
    page.warning.hidden = seconds === null;
    if (seconds === null) {
        return;
    }
    const end = performance.now() + 1000 * seconds;
    const tick = () => {
        page['warning-time'].textContent = `${Math.max(0, Math.round((end - performance.now()) / 1000))} s`;
    };
    tick();
    countdown = setInterval(tick, 1000);
}

// What the server says beside RFB; what this page does not know is nothing to it.
function heed(text) {
    const notice = JSON.parse(text);
    if (Number.isFinite(notice.session_ends_in)) {
        warnOfEnd(notice.session_ends_in);
    }
}

function showNotice({title, text, details = '', mayReconnect = true}) {
    show('ended', title);
    warnOfEnd(null);
    page['notice-title'].textContent = title;
    page['notice-text'].textContent = text;
    page['notice-details'].textContent = details;
    page['notice-details'].hidden = !details;
    page.reconnect.hidden = !mayReconnect;
    page.notice.hidden = false;
    if (mayReconnect) {
        page.reconnect.focus();
    }
}

// What became of a connection, in words.
//   wasOpen  the screen was there
//   refusal  what the server said in RFB, '' for nothing
//   code     the close code of the WebSocket
//   reason   the text beside it
function explain({wasOpen, refusal, code, reason}) {
    const [, text, requestId] = (refusal || reason).match(/^(.*?)(?: \((req-[^)]*)\))?$/s);
    const details = [requestId, `code ${code}`].filter(Boolean).join(' \u00b7 ');
    const mayReconnect = !CODES_OF_USELESS_LINKS.includes(code);
    if (!wasOpen) {
        return {title: 'No console', details, mayReconnect,
                text: text || 'The console service cannot be reached. Check your network, then try again.'};
    }
    if (text) {
        return {title: 'Console closed', text, details, mayReconnect};
    }
    if (code === 1000) {
        return {title: 'Console closed', details, mayReconnect,
                text: 'The VM closed its console. It may have been stopped, restarted or moved.'};
    }
    if (code === 1011) {
        return {title: 'Connection lost', text: 'The connection to the VM broke.', details, mayReconnect};
    }
    return {title: 'Connection lost', text: 'The connection to the console service broke.', details, mayReconnect};
}

function connect() {
    page.notice.hidden = true;
    const socket = new WebSocket(websocketUrl(), SUBPROTOCOLS);
    const fate = {wasOpen: false, refusal: '', code: 1006, reason: ''};
    let isOver = false;

    function end() {
        if (!isOver) {
            isOver = true;
            showNotice(explain(fate));
        }
    }

    socket.addEventListener('close', (event) => {
        fate.code = event.code;
        fate.reason = event.reason;
        end();
    });
    // Before noVNC listens too, to which text would be a message of RFB.
    socket.addEventListener('message', (event) => {
        if (typeof event.data === 'string') {
            event.stopImmediatePropagation();
            heed(event.data);
        }
    });
    rfb = new RFB(page.screen, socket);
    rfb.background = 'transparent';
    rfb.viewOnly = isSet(argument('view_only'));
    rfb.resizeSession = argument('resize') === 'remote';
    rfb.addEventListener('connect', () => {
        fate.wasOpen = true;
        show('connected', 'Connected');
        fitScreen();
        rfb.focus();
    });
    rfb.addEventListener('desktopname', (event) => nameConsole(event.detail.name));
    rfb.addEventListener('securityfailure', (event) => {
        fate.refusal = event.detail.reason || '';
    });
    rfb.addEventListener('disconnect', () => setTimeout(end, CLOSE_FRAME_PATIENCE_MS));
    show('connecting', 'Connecting');
}

// A screen that is smaller than the window is shown as it is: sharp. One that is larger is made to fit.
function fitScreen() {
    const canvas = page.screen.querySelector('canvas');
    if (rfb === null || canvas === null) {
        return;
    }
    const wish = argument('scale');
    const isLarge = canvas.width > page.screen.clientWidth || canvas.height > page.screen.clientHeight;
    const scale = wish === null ? (argument('resize') === 'scale' || (isLarge && argument('resize') === null))
                                : isSet(wish);
    if (rfb.scaleViewport !== scale) {
        rfb.scaleViewport = scale;
    }
}

function watchSize() {
    // The VM changes the size of its screen, the user that of the window. noVNC tells of neither.
    new MutationObserver(fitScreen).observe(
        page.screen, {subtree: true, childList: true, attributes: true, attributeFilter: ['width', 'height']});
    new ResizeObserver(fitScreen).observe(page.screen);
}

function prepareTools() {
    page.reconnect.addEventListener('click', connect);
    page['ctrl-alt-del'].addEventListener('click', () => {
        rfb.sendCtrlAltDel();
        rfb.focus();
    });
    page.fullscreen.hidden = !document.fullscreenEnabled;
    page.fullscreen.addEventListener('click', () => {
        if (document.fullscreenElement) {
            document.exitFullscreen();
        } else {
            document.documentElement.requestFullscreen();
        }
        rfb?.focus();
    });
    document.addEventListener('fullscreenchange', () => {
        page.fullscreen.textContent = document.fullscreenElement ? 'Leave full screen' : 'Full screen';
    });
}

async function main() {
    if (argument('title')) {
        nameConsole(argument('title'));
    }
    prepareTools();
    try {
        ({default: RFB} = await import('../core/rfb.js'));
    } catch (error) {
        console.error(error);
        showNotice({title: 'No console', mayReconnect: false,
                    text: 'The files of noVNC cannot be loaded. Reload the page; if that does not help, tell the '
                          + 'operator of the console service.'});
        return;
    }
    watchSize();
    connect();
}

main();
