// SPDX-License-Identifier: Apache-2.0
//
// The panel of the settings, and what noVNC does of them. How the screen fits the window is in screen.js.

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

export function applySettings(connection, store) {
    const apply = () => {
        const {rfb} = connection;
        if (rfb !== null) {
            const {viewOnly, quality, compression} = store.state.settings;
            rfb.viewOnly = viewOnly;
            rfb.qualityLevel = quality;
            rfb.compressionLevel = compression;
        }
    };
    connection.addEventListener('created', apply);
    store.watch(['settings'], apply);
}
