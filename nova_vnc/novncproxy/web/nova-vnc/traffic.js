// SPDX-License-Identifier: Apache-2.0
//
// What goes over the connection, counted where the browser's standards let us: at the WebSocket, and at the canvas that
// noVNC draws on.

// Return {received, sent}, in bytes, which goes on counting what the WebSocket moves.
export function countTraffic(socket) {
    const count = {received: 0, sent: 0};
    socket.addEventListener('message', ({data}) => {
        count.received += data.byteLength ?? data.length;
    });
    const send = socket.send.bind(socket);
    socket.send = (data) => {
        count.sent += data.byteLength ?? data.length;
        send(data);
    };
    return count;
}

const counted = new WeakMap();

// Return {pictures}, which goes on counting how often noVNC has drawn on its canvas: once for each update of the VM's.
export function countPictures(canvas) {
    if (!counted.has(canvas)) {
        const count = {pictures: 0};
        const context = canvas.getContext('2d');
        const draw = context.drawImage;
        context.drawImage = (...picture) => {
            count.pictures++;
            draw.apply(context, picture);
        };
        counted.set(canvas, count);
    }
    return counted.get(canvas);
}

// Return what went on in a second, by name, between two readings {name: count, at: milliseconds}; null for what the
// first one lacks. Pure.
export function ratesBetween(before, after) {
    const seconds = (after.at - before.at) / 1000;
    return Object.fromEntries(Object.keys(after).filter((name) => name !== 'at').map((name) => [
        name, Number.isFinite(before[name]) && seconds > 0 ? (after[name] - before[name]) / seconds : null]));
}

const UNITS = [[1e6, 'megabyte'], [1e3, 'kilobyte'], [1, 'byte']];

// Return [number, unit of Intl.NumberFormat] of a rate in bytes per second. Pure.
export function measureOfRate(bytesPerSecond) {
    const [size, name] = UNITS.find(([least]) => bytesPerSecond >= least) ?? UNITS.at(-1);
    return [bytesPerSecond / size, `${name}-per-second`];
}

// Return how long the console service takes to answer, in milliseconds: from the request for a small file of this page
// to the first byte of the answer, whether or not a connection had to be made before.
export async function measureRoundTrip() {
    const {href} = new URL('icon.svg', import.meta.url);
    await fetch(href, {method: 'HEAD', cache: 'no-store'});
    const {requestStart, responseStart} = performance.getEntriesByName(href, 'resource').at(-1);
    // Browsers keep a few hundred of these, and then no more.
    performance.clearResourceTimings();
    return responseStart - requestStart;
}
