// SPDX-License-Identifier: Apache-2.0
//
// What the first picture can do without, put together once it is there. By then there may be a connection, or there may
// have been one: what is added here looks at the store and at connection.rfb first, and at events only for what comes.

import {isSet} from './address.js';
import {ringBell} from './bell.js';
import {showBlank, watchForBlank} from './blank.js';
import {clipboardTool} from './clipboard.js';
import {showCountdown} from './countdown.js';
import {tellParent} from './embedding.js';
import {fullScreenTool} from './fullscreen.js';
import {passOnReleases, releaseLatches} from './keyboard.js';
import {ctrlAltDelTool, keysTool} from './keys-panel.js';
import {keepLastPicture} from './last-picture.js';
import {showNotice} from './notice.js';
import {keepConnected} from './reconnect.js';
import {dragTool} from './screen.js';
import {screenshotTool} from './screenshot.js';
import {settingsTool} from './settings-panel.js';
import {buildToolbar, focusToolbar} from './toolbar.js';
import {touchKeyboardTool} from './touch-keyboard.js';
import {trafficTool} from './traffic-panel.js';
import {typeTools} from './type-panel.js';
import {watchForWayOut} from './way-out.js';

// page: the elements of the page by their id; said: the arguments; connecting: what
// they say of it (address.js)
export function addTools({store, connection, page, said, connecting}) {
    buildToolbar(page.tools, page.panels, store, connection, [
        touchKeyboardTool(connection, page['touch-field']),
        ctrlAltDelTool(connection),
        keysTool(connection, store),
        ...typeTools(connection, store, page.screen),
        clipboardTool(connection, store, page.screen),
        screenshotTool(connection, page.screen),
        dragTool(store),
        settingsTool(store),
        fullScreenTool(store),
        trafficTool(connection, store, page.screen),
    ]);
    releaseLatches(connection, store);
    passOnReleases(page.screen);
    watchForWayOut(page.screen, () => focusToolbar(page.tools));
    watchForBlank(store, page.screen);
    showBlank(store, page.blank);
    showCountdown(store, page.warning);
    showNotice(store, keepConnected(connection, store, connecting), page);
    keepLastPicture(connection, store, page.screen, page['last-picture']);
    if (isSet(said.bell)) {
        ringBell(connection);
    }
    tellParent(store, connection);
}
