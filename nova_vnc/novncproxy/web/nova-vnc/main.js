// SPDX-License-Identifier: Apache-2.0
//
// The console page: the modules beside this one, put together. Each is one idea and says what it does at its beginning.
// Here are those that the first picture needs; the others, in tools.js, come after it.

import {readArguments, readSettings, websocketUrl} from './address.js';
import {Connection} from './connection.js';
import {explainMissingFiles} from './ending.js';
import {watchForPicture} from './picture.js';
import {keepScaling} from './screen.js';
import {applySettings, loadSettings} from './settings.js';
import {createStore} from './state.js';
import {showStatus} from './status.js';
import {loadWords, writeWords} from './words.js';

// The tools do not wait longer than this for a picture; a guest may have none to show.
const PATIENCE_MS = 1000;

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

    const {default: RFB} = await novnc;
    const connection = new Connection(RFB, store, page.screen, websocketUrl(said, location));
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
    } else {
        connection.connect();
    }
    await pictureOrEnd(store);
    const {addTools} = await import('./tools.js');
    addTools({store, connection, page, said});
}

function pictureOrEnd(store) {
    return new Promise((resolve) => {
        setTimeout(resolve, PATIENCE_MS);
        store.watch(['hasPicture', 'phase'], ({hasPicture, phase}) => (hasPicture || phase === 'ended') && resolve());
    });
}

main();
