// SPDX-License-Identifier: Apache-2.0
//
// All that the page says, by key, in the language of the browser. English is always there; another language is a file
// words/TAG.js of the same keys, loaded where it is wanted. A key that it lacks is said in English.
//
// {name} in a text stands for a value. A text that depends on a number has a key for each form that its language has
// (Intl.PluralRules): KEY.one, KEY.other; the number is the value `count`.

import english from './words/en.js';

// Each language by its tag, and which way it is written.
export const LANGUAGES = {
    ar: 'rtl',
    de: 'ltr',
    en: 'ltr',
    vi: 'ltr',
};

let language = 'en';
let words = english;

// Return the first of the wanted languages (BCP 47 tags, as navigator.languages) that there is, 'en' for none.
export function chooseLanguage(wanted, available = Object.keys(LANGUAGES)) {
    for (const tag of wanted) {
        // pt-BR, then pt
        const parts = tag.split('-');
        for (let length = parts.length; length > 0; length--) {
            const shortened = parts.slice(0, length).join('-').toLowerCase();
            const found = available.find((name) => name.toLowerCase() === shortened);
            if (found) {
                return found;
            }
        }
    }
    return 'en';
}

// Load the words of a language, and tell the document (none: nobody) of it. English stays where they cannot be loaded.
export async function loadWords(wanted, root = globalThis.document?.documentElement) {
    const chosen = chooseLanguage(wanted);
    if (chosen !== 'en') {
        try {
            useWords((await import(`./words/${chosen}.js`)).default, chosen);
        } catch (error) {
            console.error(error);
        }
    }
    if (root) {
        root.lang = language;
        root.dir = LANGUAGES[language];
    }
}

export function useWords(translated, tag) {
    words = translated;
    language = tag;
}

// Return the text of a key, with its values.
export function t(key, values = {}) {
    return textParts(key, values).join('');
}

// As t(), for values of any kind: return a list of strings and values, for Element.append().
export function textParts(key, values = {}) {
    const text = find(key, values.count);
    return text.split(/(\{[^}]*\})/).filter(Boolean)
        .map((part) => part.startsWith('{') ? show(values[part.slice(1, -1)] ?? part) : part);
}

function find(key, count) {
    for (const [texts, tag] of [[words, language], [english, 'en']]) {
        const form = count === undefined ? key : `${key}.${new Intl.PluralRules(tag).select(count)}`;
        const text = texts[form] ?? texts[`${key}.other`] ?? texts[key];
        if (text !== undefined) {
            return text;
        }
    }
    return key;
}

function show(value) {
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
}

// words: server.*
// Return the key of what the server has said, where it is something that it is known to say.
export function findServerKey(said) {
    return Object.entries(english).find(([name, text]) => name.startsWith('server.') && text === said)?.[0];
}

// Return what the server has said in the language of the page.
export function translateServerText(said) {
    const key = findServerKey(said);
    return key ? t(key) : said;
}

export function showNumber(value) {
    return new Intl.NumberFormat(language, {maximumSignificantDigits: 3}).format(value);
}

// Return a number with its unit, one of Intl.NumberFormat ('kilobyte-per-second'), as the language writes both.
export function showMeasure(value, unit) {
    return new Intl.NumberFormat(language, {style: 'unit', unit, maximumSignificantDigits: 3}).format(value);
}

// Return a time of day, a Date, as the language writes it.
export function showTime(date) {
    return new Intl.DateTimeFormat(language, {timeStyle: 'medium'}).format(date);
}

// Put the words into what is in the document from the beginning: data-words="KEY" is its text, data-words-label="KEY"
// what a screen reader says of it.
export function writeWords(root) {
    for (const element of root.querySelectorAll('[data-words]')) {
        element.textContent = t(element.dataset.words);
    }
    for (const element of root.querySelectorAll('[data-words-label]')) {
        element.setAttribute('aria-label', t(element.dataset.wordsLabel));
    }
}
