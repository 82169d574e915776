// SPDX-License-Identifier: Apache-2.0
//
// The console page: the modules beside this one, put together. Each is one idea and says what it does at its beginning.
// Here are those that the first picture needs. The others come after it, or while it is waited for: those of bar.js,
// then those of tools.js.

import {readArguments, readConnecting, readSettings, websocketUrl} from './address.js';
import {Connection} from './connection.js';
import {explainMissingFiles, explainWaiting} from './ending.js';
import {watchForPicture} from './picture.js';
import {keepScaling} from './screen.js';
import {applySettings, loadSettings} from './settings.js';
import {createStore} from './state.js';

// Who waits longer than this for a picture is told in words what for.
const SILENCE_MS = 500;
// From the connection on the tools do not wait longer than this for a picture; a guest may have none to show.
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
    const pictureOrEnd = waitForPictureOrEnd(store);
    const bar = Promise.race([pictureOrEnd, wait(SILENCE_MS)])
        .then(() => import('./bar.js'))
        .then(({showBar}) => showBar(store, page, said.title));

    const {default: RFB} = await import('../core/rfb.js').catch((error) => {
        console.error(error);
        return {default: null};
    });
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
    await Promise.race([pictureOrEnd, wait(PATIENCE_MS)]);
    await bar;
    const {addTools} = await import('./tools.js');
    addTools({store, connection, page, said, connecting});
}

function waitForPictureOrEnd(store) {
    return new Promise((resolve) => {
        store.watch(['hasPicture', 'phase'], ({hasPicture, phase}) => {
            if (hasPicture || phase === 'ended' || phase === 'waiting') {
                resolve();
            }
        });
    });
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The files with the words may be among those that are missing.
main().catch((error) => {
    console.error(error);
    page.warning.textContent = 'Parts of this page cannot be loaded. Reload it.';
    page.warning.hidden = false;
});
