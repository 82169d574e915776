// SPDX-License-Identifier: Apache-2.0
//
// The French keyboard (AZERTY) as Linux has it: of each key what it gives by itself, with Shift and with AltGr. See
// typing.js. For ^ there is a key with AltGr beside the dead one.

export default {
    Backquote: '\u00b2', Digit1: '&1', Digit2: '\u00e92~', Digit3: '"3#', Digit4: '\'4{', Digit5: '(5[', Digit6: '-6|',
    Digit7: '\u00e87`', Digit8: '_8\\', Digit9: '\u00e79^', Digit0: '\u00e00@', Minus: ')\u00b0]', Equal: '=+}',
    KeyQ: 'aA', KeyW: 'zZ', KeyE: 'eE\u20ac', KeyR: 'rR', KeyT: 'tT', KeyY: 'yY', KeyU: 'uU', KeyI: 'iI', KeyO: 'oO',
    KeyP: 'pP', BracketLeft: '\u0302\u0308', BracketRight: '$\u00a3\u00a4',
    KeyA: 'qQ', KeyS: 'sS', KeyD: 'dD', KeyF: 'fF', KeyG: 'gG', KeyH: 'hH', KeyJ: 'jJ', KeyK: 'kK', KeyL: 'lL',
    Semicolon: 'mM', Quote: '\u00f9%', Backslash: '*\u00b5',
    IntlBackslash: '<>', KeyZ: 'wW', KeyX: 'xX', KeyC: 'cC', KeyV: 'vV', KeyB: 'bB', KeyN: 'nN', KeyM: ',?',
    Comma: ';.', Period: ':/', Slash: '!\u00a7',
};
