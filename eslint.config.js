// SPDX-License-Identifier: Apache-2.0
import js from '@eslint/js';

const BROWSER = [
    'AbortController', 'Audio', 'Blob', 'ClipboardItem', 'CustomEvent', 'Event', 'EventTarget', 'KeyboardEvent',
    'MutationObserver', 'Option', 'ResizeObserver', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'WebSocket',
    'cancelAnimationFrame', 'clearInterval', 'clearTimeout', 'console', 'document', 'fetch', 'localStorage', 'location',
    'matchMedia', 'navigator', 'performance', 'queueMicrotask', 'requestAnimationFrame', 'setInterval', 'setTimeout',
    'window',
];
const readonly = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

export default [
    {ignores: ['build/', 'doc/build/', 'releasenotes/build/', '.venv*/', '.cache/']},
    js.configs.recommended,
    {
        languageOptions: {ecmaVersion: 2022, sourceType: 'module'},
        linterOptions: {reportUnusedDisableDirectives: 'error'},
        rules: {
            'curly': 'error',
            'eqeqeq': 'error',
            'max-len': ['error', {code: 120}],
            'no-implicit-globals': 'error',
            'no-shadow': 'error',
            'no-unused-vars': ['error', {args: 'all'}],
            'no-var': 'error',
            'object-shorthand': 'error',
            'prefer-const': 'error',
            'quotes': ['error', 'single', {avoidEscape: true, allowTemplateLiterals: true}],
            'semi': 'error',
        },
    },
    {
        files: ['nova_vnc/novncproxy/web/**/*.js'],
        languageOptions: {globals: readonly(BROWSER)},
        rules: {
            // The page's Content-Security-Policy forbids these, and markup of another's making must stay text.
            'no-eval': 'error',
            'no-implied-eval': 'error',
            'no-restricted-properties': ['error', ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map(
                (property) => ({property, message: 'Build elements; text goes into textContent.'}))],
        },
    },
    {
        files: ['tests/**/*.mjs', 'tools/**/*.mjs', '*.js'],
        languageOptions: {globals: readonly(['Event', 'EventTarget', 'URL', 'console', 'process', 'setTimeout',
                                             'window'])},
    },
];
