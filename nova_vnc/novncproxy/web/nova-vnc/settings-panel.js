// SPDX-License-Identifier: Apache-2.0
//
// The panel of the settings.

import {settingChoice, settingLevel, settingSwitch} from './controls.js';
import {SETTINGS} from './settings.js';

export function settingsTool(store) {
    return {
        id: 'settings',
        isEnabled: () => true,
        fill: (element) => element.append(
            settingChoice(store, 'scaling', SETTINGS.scaling.values),
            settingSwitch(store, 'viewOnly'),
            settingLevel(store, 'quality'),
            settingLevel(store, 'compression')),
    };
}
