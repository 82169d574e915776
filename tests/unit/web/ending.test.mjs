// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {CODES_OF_USELESS_LINKS, explainEnding} from '../../../nova_vnc/novncproxy/web/nova-vnc/ending.js';

const NEVER_OPEN = {wasOpen: false, refusal: '', code: 1006, reason: ''};
const OPEN = {...NEVER_OPEN, wasOpen: true};

test('what the server said is taken apart', () => {
    const ending = explainEnding({...NEVER_OPEN, code: 4401, refusal: 'Not valid (really). (req-1-2)'});
    assert.equal(ending.said, 'Not valid (really).');
    assert.equal(ending.requestId, 'req-1-2');
    assert.equal(ending.title, 'ending.none');
    assert.equal(ending.text, '');
});

test('a refusal in RFB goes before the reason of the close frame', () => {
    assert.equal(explainEnding({...NEVER_OPEN, refusal: 'One.', reason: 'Other.', code: 4502}).said, 'One.');
    assert.equal(explainEnding({...OPEN, reason: 'Other.', code: 4440}).said, 'Other.');
});

test('where the server said nothing, the code does', () => {
    for (const [fate, title, text] of [
        [NEVER_OPEN, 'ending.none', 'ending.none.unreachable'],
        [{...OPEN, code: 1000}, 'ending.closed', 'ending.closed.by-vm'],
        [{...OPEN, code: 1011}, 'ending.lost', 'ending.lost.vm'],
        [OPEN, 'ending.lost', 'ending.lost.service'],
        [{...OPEN, code: 4999}, 'ending.lost', 'ending.lost.service'],
    ]) {
        const ending = explainEnding(fate);
        assert.deepEqual([ending.title, ending.text], [title, text]);
    }
});

test('a useless link is not tried again', () => {
    for (const code of CODES_OF_USELESS_LINKS) {
        const {mayReconnect, mayPass} = explainEnding({...OPEN, code});
        assert.deepEqual([mayReconnect, mayPass], [false, false]);
    }
});

test('what may pass is tried without being asked to', () => {
    for (const code of [1000, 1001, 1006, 1011, 1012, 4502, 4504]) {
        assert.equal(explainEnding({...OPEN, code}).mayPass, true, code);
    }
});

test('somebody else\'s will is not worked against, known or to come', () => {
    for (const code of [4403, 4409, 4429, 4441, 4999]) {
        const {mayReconnect, mayPass} = explainEnding({...OPEN, code});
        assert.deepEqual([mayReconnect, mayPass], [true, false]);
    }
});

test('when it was', () => {
    const at = new Date(0);
    assert.equal(explainEnding(OPEN, at).at, at);
});
