// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {readBranding} from '../../../nova_vnc/novncproxy/web/nova-vnc/branding.js';

test('what the operator has set', () => {
    assert.deepEqual(readBranding({logo: 'logo.svg', home_url: 'https://cloud.example.org/', banner: 'a <b>'}),
                     {logo: 'logo.svg', homeUrl: 'https://cloud.example.org/', banner: 'a <b>'});
});

test('nothing is nothing', () => {
    const nothing = {logo: '', homeUrl: '', banner: ''};
    assert.deepEqual(readBranding({}), nothing);
    assert.deepEqual(readBranding({logo: 7, home_url: null, banner: ['x']}), nothing);
});

test('only an address of the web becomes a link', () => {
    for (const home_url of ['javascript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd',
                            '/x', 'ftp://cloud.example.org/']) {
        assert.equal(readBranding({home_url}).homeUrl, '', home_url);
    }
});
