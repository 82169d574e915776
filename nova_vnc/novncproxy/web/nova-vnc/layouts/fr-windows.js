// SPDX-License-Identifier: Apache-2.0
//
// The French keyboard (AZERTY) as Windows has it: ~ and ` are dead keys there.

import french from './fr.js';

export default {...french, Digit2: '\u00e92\u0303', Digit7: '\u00e87\u0300'};
