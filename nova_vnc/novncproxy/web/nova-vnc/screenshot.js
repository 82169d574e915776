// SPDX-License-Identifier: Apache-2.0
//
// The guest's screen as a PNG file.

// Windows takes none of these in the name of a file, nor do others take all.
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069/\\:*?"<>|]+/g;
const MAX_NAME_LENGTH = 100;

// Return the name of a file: what the console is called, made safe, and a local time to the second. Pure.
export function screenshotName(name, time) {
    const safe = [...name.replace(UNSAFE, ' ').replace(/^[.\s]+/, '').trim().replace(/\s+/g, '-')]
        .slice(0, MAX_NAME_LENGTH).join('');
    const pad = (number) => String(number).padStart(2, '0');
    const day = [time.getFullYear(), pad(time.getMonth() + 1), pad(time.getDate())].join('-');
    const hour = [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join('-');
    return `${safe || 'console'}-${day}-${hour}.png`;
}

export function screenshotTool(connection, screen) {
    return {
        id: 'screenshot',
        place: 'more',
        watches: ['hasPicture'],
        isEnabled: ({phase, hasPicture}) => phase === 'connected' && hasPicture,
        run: () => {
            const name = screenshotName(document.title, new Date());
            takePicture(connection, screen, (blob) => blob && save(blob, name));
        },
    };
}

// noVNC from 1.4 on has all of the screen, also where the page shows a part.
function takePicture({rfb}, screen, use) {
    if (rfb.toBlob) {
        rfb.toBlob(use, 'image/png');
    } else {
        screen.querySelector('canvas').toBlob(use, 'image/png');
    }
}

function save(blob, name) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    // Not before the browser has begun to read it.
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
