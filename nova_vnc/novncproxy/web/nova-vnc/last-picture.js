// SPDX-License-Identifier: Apache-2.0
//
// The last picture of a connection that is over, greyed, until there is a new one.

export function keepLastPicture(connection, store, screen, copy) {
    let canvas = null;
    store.watch(['phase'], ({phase}) => {
        if (phase === 'connected') {
            canvas = screen.querySelector('canvas');
        }
    });
    connection.addEventListener('closed', () => {
        // noVNC has taken it out of the document, and what was drawn on it is still there.
        if (canvas?.width && canvas.height && store.state.hasPicture) {
            copy.width = canvas.width;
            copy.height = canvas.height;
            copy.style.width = canvas.style.width;
            copy.style.height = canvas.style.height;
            copy.getContext('2d').drawImage(canvas, 0, 0);
            copy.parentElement.hidden = false;
        }
        canvas = null;
    });
    store.watch(['phase', 'hasPicture'], ({phase, hasPicture}) => {
        if (phase === 'connected' && hasPicture) {
            copy.parentElement.hidden = true;
        }
    });
}
