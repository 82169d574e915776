// SPDX-License-Identifier: Apache-2.0
//
// The console page: the modules beside this one, put together. Each is one idea and says what it does at its beginning.
// Here are those that the first picture needs; the others, in tools.js, come after it.

import {readArguments, readConnecting, readSettings, websocketUrl} from './address.js';
import {showBranding} from './branding.js';
import {Connection} from './connection.js';
import {explainMissingFiles, explainWaiting} from './ending.js';
import {watchForPicture} from './picture.js';
import {keepScaling} from './screen.js';
import {applySettings, loadSettings} from './settings.js';
import {createStore} from './state.js';
import {showStatus} from './status.js';
import {loadWords, t, writeWords} from './words.js';

// The tools do not wait longer than this for a picture; a guest may have none to show.
const PATIENCE_MS = 1000;

const page = {body: document.body};
for (const element of document.querySelectorAll('[id]')) {
    page[element.id] = element;
}

async function main() {
    const said = readArguments(location);
    const connecting = readConnecting(said);
    const store = createStore();
    store.set({settings: loadSettings(readSettings(said))});
    const novnc = import('../core/rfb.js').catch((error) => {
        console.error(error);
        return {default: null};
    });
    await loadWords(navigator.languages);
    writeWords(document);
    showStatus(store, page, said.title);
    showBranding(page, t('page.home'), window.parent !== window);

    const {default: RFB} = await novnc;
    if (RFB !== null && connecting.logLevel) {
        (await import('../core/util/logging.js')).initLogging(connecting.logLevel);
    }
    const connection = new Connection(RFB, store, page.screen, websocketUrl(said, location),
                                      connecting.isShared);
    applySettings(connection, store);
    keepScaling(connection, store, page.screen);
    watchForPicture(connection, store, page.screen);
    connection.addEventListener('opened', () => {
        if ([document.body, page.reconnect].includes(document.activeElement)) {
            connection.focus();
        }
    });
    if (RFB === null) {
        store.set({phase: 'ended', ending: explainMissingFiles()});
    } else if (connecting.isAutomatic) {
        connection.connect();
    } else {
        store.set({phase: 'waiting', ending: explainWaiting()});
    }
    await pictureOrEnd(store);
    const {addTools} = await import('./tools.js');
    addTools({store, connection, page, said, connecting});
}

function pictureOrEnd(store) {
    return new Promise((resolve) => {
        setTimeout(resolve, PATIENCE_MS);
        store.watch(['hasPicture', 'phase'], ({hasPicture, phase}) => {
            if (hasPicture || phase === 'ended' || phase === 'waiting') {
                resolve();
            }
        });
    });
}

main();
