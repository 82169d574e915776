// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {
    buildMessage, describeEvent, parentOrigin, reportEvents,
} from '../../../nova_vnc/novncproxy/web/nova-vnc/embedding.js';
import {explainEnding, explainMissingFiles, explainWaiting} from '../../../nova_vnc/novncproxy/web/nova-vnc/ending.js';
import {createStore} from '../../../nova_vnc/novncproxy/web/nova-vnc/state.js';

const ORIGIN = 'https://cloud.example.org';
const LOST = explainEnding({wasOpen: true, refusal: '', code: 1006, reason: ''});
const DENIED = explainEnding({wasOpen: false, code: 4401, reason: '',
                              refusal: 'This console link is not valid any more. Ask for a new one. (req-1-2)'});
const around = (ancestorOrigins, referrer) => parentOrigin({location: {ancestorOrigins}, document: {referrer}});
const later = () => new Promise((resolve) => setTimeout(resolve));

test('the page around is known by the browser, or else by the referrer', () => {
    assert.equal(around([ORIGIN, 'https://top.example.org'], ''), ORIGIN);
    assert.equal(around([ORIGIN], 'https://before.example.org/'), ORIGIN);
    assert.equal(around(undefined, `${ORIGIN}/project/instances/?x=1`), ORIGIN);
});

test('or it is not known', () => {
    for (const [origins, referrer] of [[undefined, ''], [['null'], `${ORIGIN}/`], [[], ''], [undefined, 'about:blank'],
                                       [undefined, 'nonsense']]) {
        assert.equal(around(origins, referrer), '', `${origins} ${referrer}`);
    }
});

test('an event says what became of the console', () => {
    const state = {phase: 'connected', name: 'web-01', ending: null, isRetrying: false};
    assert.deepEqual(describeEvent(state), {event: 'connected', name: 'web-01'});
    assert.deepEqual(describeEvent({...state, phase: 'ended', ending: DENIED}), {
        event: 'ended', name: 'web-01', reason: 'server.token', code: 4401,
        text: 'This console link is not valid any more. Ask for a new one.', requestId: 'req-1-2',
        mayReconnect: false, isRetrying: false,
    });
    assert.deepEqual(describeEvent({...state, phase: 'lost', ending: LOST, isRetrying: true}), {
        event: 'ended', name: 'web-01', reason: 'ending.lost.service', code: 1006,
        text: 'The connection to the console service broke.', requestId: '', mayReconnect: true, isRetrying: true,
    });
});

test('every end has a reason', () => {
    const reason = (ending) => describeEvent({phase: 'ended', name: '', ending, isRetrying: false}).reason;
    assert.equal(reason(explainMissingFiles()), 'ending.none.files');
    assert.equal(reason({...DENIED, said: 'What nobody knows.'}), 'server');
});

test('before anything has begun there is nothing to tell', () => {
    for (const state of [{phase: 'loading', ending: null}, {phase: 'waiting', ending: explainWaiting()},
                         {phase: 'checking', ending: explainWaiting()}]) {
        assert.equal(describeEvent(state), null);
    }
});

test('whoever is not known hears that something is, and not of what', () => {
    const event = describeEvent({phase: 'ended', name: 'web-01', ending: DENIED, isRetrying: false});
    assert.deepEqual(buildMessage(event, ''), {source: 'nova-vnc', version: 1, event: 'ended'});
    assert.deepEqual(buildMessage(event, ORIGIN), {source: 'nova-vnc', version: 1, ...event});
});

test('each connection and each end is told once, with what has come of it', async () => {
    const store = createStore();
    const told = [];
    reportEvents(store, ({event, isRetrying}) => told.push([event, isRetrying]));
    const set = async (...changes) => {
        changes.forEach(store.set);
        await later();
    };
    await set({phase: 'checking'}, {phase: 'connected', name: 'web-01'});
    await set({hasPicture: true});
    await set({phase: 'ended', ending: LOST}, {phase: 'lost', isRetrying: true});
    await set({phase: 'checking'}, {phase: 'reaching'});
    await set({phase: 'ended', ending: {...LOST}}, {phase: 'lost'});
    await set({phase: 'connected', ending: null, isRetrying: false});
    await set({phase: 'ended', ending: DENIED});
    assert.deepEqual(told, [['connected', undefined], ['ended', true], ['ended', true], ['connected', undefined],
                            ['ended', false]]);
});

test('what was before is told, too', async () => {
    const store = createStore();
    store.set({phase: 'connected', name: 'web-01'});
    const told = [];
    reportEvents(store, (event) => told.push(event.name));
    await later();
    assert.deepEqual(told, ['web-01']);
});
