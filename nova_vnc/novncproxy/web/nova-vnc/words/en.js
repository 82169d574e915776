// SPDX-License-Identifier: Apache-2.0
//
// The words of the page. See words.js for what may be in a text. A key is PLACE.WHAT.

export default {
    'page.title': 'Console',
    'screen.label': 'Screen of the VM',

    'status.loading': 'Loading',
    'status.checking': 'Checking the link',
    'status.reaching': 'Reaching the VM',
    'status.picture': 'Waiting for the first picture',
    'status.connected': 'Connected',
    'status.ended': 'Ended',

    'tools.label': 'Console tools',
    'tool.ctrl-alt-del': 'Ctrl-Alt-Del',
    'tool.ctrl-alt-del.hint': 'Send Ctrl-Alt-Del to the VM',
    'tool.fullscreen': 'Full screen',
    'tool.fullscreen.hint': 'Use the whole screen',
    'tool.fullscreen.leave': 'Leave full screen',

    'warning.ends-in': 'This console closes in {time}. Ask for a new link to go on.',
    'warning.seconds': '{seconds} s',

    'ending.none': 'No console',
    'ending.none.unreachable': 'The console service cannot be reached. Check your network, then try again.',
    'ending.none.files': 'The files of noVNC cannot be loaded. Reload the page; if that does not help, tell the '
                         + 'operator of the console service.',
    'ending.closed': 'Console closed',
    'ending.closed.by-vm': 'The VM closed its console. It may have been stopped, restarted or moved.',
    'ending.lost': 'Connection lost',
    'ending.lost.vm': 'The connection to the VM broke.',
    'ending.lost.service': 'The connection to the console service broke.',
    'ending.reconnect': 'Reconnect',
    'ending.code': 'code {code}',

    // What the proxy says (refusal.py, session_timeout.py, registry.py, proxy.py), word by word.
    'server.origin': 'This web page may not open this console.',
    'server.token': 'This console link is not valid any more. Ask for a new one.',
    'server.unavailable': 'Console service unavailable. Try again in a minute.',
    'server.guessed': 'Too many links from your address were not valid. Try again in a moment.',
    'server.internal': 'The console service made a mistake. Tell its operator.',
    'server.scheme': 'Open the console at exactly the address of its link (https or http).',
    'server.console-type': 'This link is for another kind of console. Ask for a novnc one.',
    'server.not-ready': 'The VM is not running. Start it, then ask for a new console link.',
    'server.moved': 'The VM has moved. Ask for a new console link.',
    'server.busy': 'This console is being opened too many times at once. Try again in a moment.',
    'server.instance-full': 'This console is open too many times. Close one of them, then try again.',
    'server.address-full': 'Too many consoles are open from your address. Close one, then try again.',
    'server.full': 'The console service has no place left. Try again in a minute.',
    'server.host-silent': "The VM's host does not answer. Try again in a minute.",
    'server.unreachable': "The VM's console cannot be reached. Try again in a minute.",
    'server.forbidden-target': "The VM's console cannot be reached. Tell the operator.",
    'server.silent': "The VM's console does not answer. Try again in a minute.",
    'server.not-vnc': "The VM's console does not speak VNC. Tell the operator.",
    'server.security': "The VM's console asks for security that is not set up. Tell the operator.",
    'server.declined': "The VM's console declines the connection. Try again in a minute.",
    'server.time-is-up': 'The time of this console is up. Ask for a new link.',
    'server.displaced': 'This console was opened again with the same link. It is open as often as it may be.',
    'server.stopping': 'The console service is being restarted. Reconnect in a moment.',
};
