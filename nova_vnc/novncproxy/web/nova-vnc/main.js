// SPDX-License-Identifier: Apache-2.0
//
// The console page: the modules beside this one, put together. Each is one idea and says what it does at its beginning.

import {readArguments, readSettings, websocketUrl} from './address.js';
import {Connection} from './connection.js';
import {showCountdown} from './countdown.js';
import {explainMissingFiles} from './ending.js';
import {fullScreenTool} from './fullscreen.js';
import {releaseLatches} from './keyboard.js';
import {ctrlAltDelTool, keysTool} from './keys-panel.js';
import {keepLastPicture} from './last-picture.js';
import {showNotice} from './notice.js';
import {watchForPicture} from './picture.js';
import {keepConnected} from './reconnect.js';
import {dragTool, keepScaling} from './screen.js';
import {loadSettings} from './settings.js';
import {applySettings, settingsTool} from './settings-panel.js';
import {createStore} from './state.js';
import {showStatus} from './status.js';
import {buildToolbar, focusToolbar} from './toolbar.js';
import {touchKeyboardTool} from './touch-keyboard.js';
import {watchForWayOut} from './way-out.js';
import {loadWords, writeWords} from './words.js';

const page = {body: document.body};
for (const element of document.querySelectorAll('[id]')) {
    page[element.id] = element;
}

async function main() {
    const said = readArguments(location);
    const store = createStore();
    store.set({settings: loadSettings(readSettings(said))});
    const novnc = import('../core/rfb.js').catch((error) => {
        console.error(error);
        return {default: null};
    });
    await loadWords(navigator.languages);
    writeWords(document);
    showStatus(store, page, said.title);
    showCountdown(store, page.warning);

    const {default: RFB} = await novnc;
    const connection = new Connection(RFB, store, page.screen, websocketUrl(said, location));
    buildToolbar(page.tools, page.panels, store, connection, [
        touchKeyboardTool(connection, page['touch-field']),
        ctrlAltDelTool(connection),
        keysTool(connection, store),
        dragTool(store),
        settingsTool(store),
        fullScreenTool(store),
    ]);
    releaseLatches(connection, store);
    applySettings(connection, store);
    watchForWayOut(page.screen, () => focusToolbar(page.tools));
    connection.addEventListener('opened', () => {
        if ([document.body, page.reconnect].includes(document.activeElement)) {
            connection.focus();
        }
    });
    showNotice(store, keepConnected(connection, store), page);
    keepLastPicture(connection, store, page.screen, page['last-picture']);
    keepScaling(connection, store, page.screen);
    watchForPicture(connection, store, page.screen);
    if (RFB === null) {
        store.set({phase: 'ended', ending: explainMissingFiles()});
    } else {
        connection.connect();
    }
}

main();
