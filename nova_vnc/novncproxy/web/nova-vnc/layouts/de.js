// SPDX-License-Identifier: Apache-2.0
//
// The German keyboard (DIN 2137, T1): of each key what it gives by itself, with Shift and with AltGr. See typing.js.
// What Windows and Linux both have; ^ \u00b4 ` are dead keys there.

export default {
    Backquote: '\u0302\u00b0', Digit1: '1!', Digit2: '2"\u00b2', Digit3: '3\u00a7\u00b3', Digit4: '4$', Digit5: '5%',
    Digit6: '6&', Digit7: '7/{', Digit8: '8([', Digit9: '9)]', Digit0: '0=}', Minus: '\u00df?\\',
    Equal: '\u0301\u0300',
    KeyQ: 'qQ@', KeyW: 'wW', KeyE: 'eE\u20ac', KeyR: 'rR', KeyT: 'tT', KeyY: 'zZ', KeyU: 'uU', KeyI: 'iI', KeyO: 'oO',
    KeyP: 'pP', BracketLeft: '\u00fc\u00dc', BracketRight: '+*~', Backslash: '#\'',
    KeyA: 'aA', KeyS: 'sS', KeyD: 'dD', KeyF: 'fF', KeyG: 'gG', KeyH: 'hH', KeyJ: 'jJ', KeyK: 'kK', KeyL: 'lL',
    Semicolon: '\u00f6\u00d6', Quote: '\u00e4\u00c4',
    IntlBackslash: '<>|', KeyZ: 'yY', KeyX: 'xX', KeyC: 'cC', KeyV: 'vV', KeyB: 'bB', KeyN: 'nN', KeyM: 'mM\u00b5',
    Comma: ',;', Period: '.:', Slash: '-_',
};
