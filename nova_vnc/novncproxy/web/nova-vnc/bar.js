// SPDX-License-Identifier: Apache-2.0
//
// The bar above the screen, in the language of the user: how the connection is, and what the operator has added.

import {showBranding} from './branding.js';
import {showStatus} from './status.js';
import {loadWords, t, writeWords} from './words.js';

// page: the elements of the document, by id; title: '' for the name that the VM gives itself
export async function showBar(store, page, title) {
    await loadWords(navigator.languages);
    writeWords(document);
    showStatus(store, page, title);
    showBranding(page, t('page.home'), window.parent !== window);
}
