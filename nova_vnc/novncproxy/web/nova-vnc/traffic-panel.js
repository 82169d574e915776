// SPDX-License-Identifier: Apache-2.0
//
// The panel that says how the connection is: measured while it is open, and not otherwise.

import {countPictures, measureOfRate, measureRoundTrip, ratesBetween} from './traffic.js';
import {showMeasure, showNumber, t} from './words.js';

const INTERVAL_MS = 1000;

export function trafficTool(connection, store, screen) {
    return {
        id: 'traffic',
        place: 'more',
        isEnabled: () => true,
        fill: (element) => {
            const show = buildList(element);
            let stop = null;
            store.watch(['panel', 'phase'], ({panel, phase}) => {
                stop?.();
                show({});
                stop = panel === 'traffic' && phase === 'connected' ? measure(connection, screen, show) : null;
            });
        },
    };
}

// Call show() once a second with what was measured, until the function is called that this returns.
function measure(connection, screen, show) {
    let before = read(connection, screen);
    let timer = null;
    let isOver = false;
    const next = async () => {
        // Without a service there is none.
        const roundTrip = await measureRoundTrip().catch(() => null);
        if (!isOver) {
            const after = read(connection, screen);
            show({...ratesBetween(before, after), roundTrip});
            before = after;
            timer = setTimeout(next, INTERVAL_MS);
        }
    };
    timer = setTimeout(next, INTERVAL_MS);
    return () => {
        isOver = true;
        clearTimeout(timer);
    };
}

function read({traffic}, screen) {
    const canvas = screen.querySelector('canvas');
    return {at: performance.now(), ...traffic, ...canvas && countPictures(canvas)};
}

// words: traffic.*
function buildList(element) {
    const list = document.createElement('dl');
    const rows = [
        buildRow(list, 'roundTrip', t('traffic.round-trip'), (value) => showMeasure(value, 'millisecond')),
        buildRow(list, 'received', t('traffic.received'), (value) => showMeasure(...measureOfRate(value))),
        buildRow(list, 'sent', t('traffic.sent'), (value) => showMeasure(...measureOfRate(value))),
        buildRow(list, 'pictures', t('traffic.pictures'), showNumber),
    ];
    element.append(list);
    return (measured) => rows.forEach((show) => show(measured));
}

function buildRow(list, name, label, write) {
    const term = document.createElement('dt');
    const value = document.createElement('dd');
    term.textContent = label;
    value.dataset.of = name;
    list.append(term, value);
    return (measured) => {
        value.textContent = Number.isFinite(measured[name]) ? write(measured[name]) : t('traffic.none');
    };
}
