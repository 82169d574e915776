// SPDX-License-Identifier: Apache-2.0
//
// The guest rings, with the sound of noVNC's own page. A browser lets no page be heard that nobody has clicked into,
// and a directory with noVNC need not have the file.

const SOUND = new URL('../app/sounds/bell.oga', import.meta.url);

export function ringBell(connection) {
    const listen = (rfb) => rfb.addEventListener('bell', () => new Audio(SOUND).play().catch(() => {}));
    if (connection.rfb !== null) {
        listen(connection.rfb);
    }
    connection.addEventListener('created', ({detail: rfb}) => listen(rfb));
}
