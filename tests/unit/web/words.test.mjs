// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {readFileSync, readdirSync} from 'node:fs';

import {
    LANGUAGES, chooseLanguage, t, textParts, translateServerText, useWords,
} from '../../../nova_vnc/novncproxy/web/nova-vnc/words.js';
import english from '../../../nova_vnc/novncproxy/web/nova-vnc/words/en.js';

const WEB = new URL('../../../nova_vnc/novncproxy/web/nova-vnc/', import.meta.url);

test('the first wanted language that there is, shortened where it must be', () => {
    const available = ['en', 'vi', 'zh-Hans'];
    for (const [wanted, chosen] of [
        [['vi-VN', 'en'], 'vi'], [['xx', 'vi'], 'vi'], [['en-GB', 'vi'], 'en'], [['ZH-hans-CN'], 'zh-Hans'],
        [['xx'], 'en'], [[], 'en'],
    ]) {
        assert.equal(chooseLanguage(wanted, available), chosen, wanted.join());
    }
});

test('values are put into a text, numbers as the language writes them', () => {
    assert.equal(t('warning.seconds', {seconds: 1234}), '1,234 s');
    assert.equal(t('ending.code', {code: '1006'}), 'code 1006');
    const node = {};
    assert.deepEqual(textParts('warning.ends-in', {time: node}),
                     ['This console closes in ', node, '. Ask for a new link to go on.']);
});

test('another language, its forms of numbers, and English where it lacks a key', (context) => {
    context.after(() => useWords(english, 'en'));
    useWords({'status.ended': 'Koniec', 'x.one': '{count} znak', 'x.few': '{count} znaki', 'x.many': '{count} zn.',
              'x.other': '{count} znaku'}, 'pl');
    assert.equal(t('status.ended'), 'Koniec');
    assert.deepEqual([1, 3, 5].map((count) => t('x', {count})), ['1 znak', '3 znaki', '5 zn.']);
    assert.equal(t('status.loading'), 'Loading');
    assert.equal(t('no.such'), 'no.such');
});

test('what the server says is said in the language of the page where it is known', (context) => {
    context.after(() => useWords(english, 'en'));
    useWords({'server.token': 'Liên kết này không còn hiệu lực.'}, 'vi');
    assert.equal(translateServerText(english['server.token']), 'Liên kết này không còn hiệu lực.');
    assert.equal(translateServerText('What nobody knows.'), 'What nobody knows.');
    assert.equal(translateServerText('Loading'), 'Loading');
});

test('every language has its file, and no file is of none', () => {
    const files = readdirSync(new URL('words/', WEB)).sort();
    assert.deepEqual(files, Object.keys(LANGUAGES).map((tag) => `${tag}.js`).sort());
});

const FORM = /\.(zero|one|two|few|many|other)$/;
const withoutForm = (key) => key.replace(FORM, '');
const valuesOf = (text) => (text.match(/\{[^}]*\}/g) ?? []).sort();

// Return the keys that a language has to have: those of English, and of a text that depends on a number those forms
// that the language itself distinguishes.
function keysOf(tag) {
    const forms = new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
    return new Set(Object.keys(english).flatMap((key) => FORM.test(key)
        ? forms.map((form) => `${withoutForm(key)}.${form}`) : [key]));
}

for (const tag of Object.keys(LANGUAGES)) {
    test(`${tag} has each text, with the values of the English one, and no other`, async () => {
        const {default: words} = await import(new URL(`words/${tag}.js`, WEB));
        const wanted = keysOf(tag);
        assert.deepEqual({missing: [...wanted].filter((key) => !(key in words)),
                          unknown: Object.keys(words).filter((key) => !wanted.has(key))},
                         {missing: [], unknown: []}, `words/${tag}.js`);
        for (const [key, text] of Object.entries(words)) {
            const source = english[key] ?? english[`${withoutForm(key)}.other`];
            assert.deepEqual(valuesOf(text), valuesOf(source), `${tag} ${key}`);
            assert.doesNotMatch(text, /[<>]|^\s|\s$|^$/, `${tag} ${key}`);
        }
    });

    test(`${tag} is written in the direction of its script`, () => {
        const isFromTheRight = ['Arab', 'Hebr'].includes(new Intl.Locale(tag).maximize().script);
        assert.equal(LANGUAGES[tag], isFromTheRight ? 'rtl' : 'ltr');
    });
}

// Keys that are put together are named in a comment: // words: status.*
test('every key that the page asks for is there, and none that it does not', () => {
    const sources = readdirSync(WEB).filter((name) => name.endsWith('.js'))
        .map((name) => readFileSync(new URL(name, WEB), 'utf8')).join('\n')
        + readFileSync(new URL('../vnc_auto.html', WEB), 'utf8');
    const tools = [...sources.matchAll(/\bid: '([a-z0-9-]+)'/g)].map(([, id]) => id);
    const areas = new Set(Object.keys(english).map((key) => key.split('.')[0]));
    const literals = [...sources.matchAll(/['"`]([a-z]+(?:\.[a-z0-9-]+)+)['"`]/g)].map(([, key]) => key)
        .filter((key) => areas.has(key.split('.')[0]) && !/\.(js|css|svg)$/.test(key));
    const asked = new Set([...tools.flatMap((id) => [`tool.${id}`, `tool.${id}.hint`]), ...literals]);
    const patterns = [...sources.matchAll(/\/\/ words: (\S+)/g)].map(([, pattern]) => pattern);
    const isAsked = (key) => asked.has(key) || asked.has(key.replace(/\.(one|other)$/, ''))
        || patterns.some((pattern) => key.startsWith(pattern.replace('*', '')));
    assert.deepEqual([...asked].filter((key) => !(key in english || `${key}.other` in english)), []);
    assert.deepEqual(Object.keys(english).filter((key) => !isAsked(key)), []);
});
