// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {screenshotName} from '../../../nova_vnc/novncproxy/web/nova-vnc/screenshot.js';

const TIME = new Date(2026, 0, 2, 3, 4, 5);

test('a file is named after VM and time', () => {
    for (const [name, start] of [
        ['web-1', 'web-1'], ['QEMU (instance-0000002a)', 'QEMU-(instance-0000002a)'],
        ['m\u00e1y ch\u1ee7 1', 'm\u00e1y-ch\u1ee7-1'],
        ['../../etc/passwd', 'etc-passwd'], ['a/b\\c:d*e?f"g<h>i|j', 'a-b-c-d-e-f-g-h-i-j'], ['.hidden', 'hidden'],
        ['a\u0000b\u202egnp.exe', 'a-b-gnp.exe'], ['', 'console'], [' \n', 'console'], ['...', 'console'],
    ]) {
        assert.equal(screenshotName(name, TIME), `${start}-2026-01-02-03-04-05.png`, name);
    }
});

test('whatever the VM is called, each system takes the name', () => {
    for (let round = 0; round < 2000; round++) {
        const name = String.fromCodePoint(...Array.from({length: 1 + round % 150},
                                                        () => Math.floor(Math.random() * 0x2100)));
        const file = screenshotName(name, TIME);
        // eslint-disable-next-line no-control-regex
        assert.doesNotMatch(file, /[\x00-\x1f\x7f/\\:*?"<>|\s]|^\./, JSON.stringify(name));
        assert.ok(file.length <= 130);
    }
});
