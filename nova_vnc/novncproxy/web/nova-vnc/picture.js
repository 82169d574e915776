// SPDX-License-Identifier: Apache-2.0
//
// Whether the guest has shown anything yet, of which noVNC tells nothing: its canvas is transparent until then.

const INTERVAL_MS = 100;

export function watchForPicture(connection, store, screen) {
    const point = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    point.canvas.width = point.canvas.height = 1;
    let timer = null;
    const look = () => {
        const canvas = screen.querySelector('canvas');
        if (canvas?.width && canvas.height) {
            // All of it in one pixel of our own; to read noVNC's canvas would take it away from the graphics card.
            point.drawImage(canvas, 0, 0, 1, 1);
            if (point.getImageData(0, 0, 1, 1).data[3] > 0) {
                clearInterval(timer);
                store.set({hasPicture: true});
            }
        }
    };
    connection.addEventListener('opened', () => {
        clearInterval(timer);
        timer = setInterval(look, INTERVAL_MS);
    });
    connection.addEventListener('closed', () => clearInterval(timer));
}
