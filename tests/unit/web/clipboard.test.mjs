// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {readClipboard, writeClipboard} from '../../../nova_vnc/novncproxy/web/nova-vnc/clipboard.js';

const denied = async () => {
    throw new Error('NotAllowedError');
};

test('a clipboard that there is', async () => {
    const clipboard = {text: 'old', readText: async () => clipboard.text, writeText: async (text) => {
        clipboard.text = text;
    }};
    assert.equal(await readClipboard(clipboard), 'old');
    assert.equal(await writeClipboard('new', clipboard), true);
    assert.equal(clipboard.text, 'new');
});

test('none, as over http, or no leave, as in a frame: nothing is thrown', async () => {
    for (const clipboard of [undefined, {}, {readText: denied, writeText: denied}]) {
        // By position, or else undefined would be the default.
        globalThis.navigator ??= {};
        assert.equal(await readClipboard(clipboard ?? null), null);
        assert.equal(await writeClipboard('x', clipboard ?? null), false);
    }
});
