// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {statusKey} from '../../../nova_vnc/novncproxy/web/nova-vnc/status.js';

test('a connection without a picture says so', () => {
    assert.equal(statusKey({phase: 'checking', hasPicture: false}), 'status.checking');
    assert.equal(statusKey({phase: 'connected', hasPicture: false}), 'status.picture');
    assert.equal(statusKey({phase: 'connected', hasPicture: true}), 'status.connected');
});
