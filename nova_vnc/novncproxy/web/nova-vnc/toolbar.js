// SPDX-License-Identifier: Apache-2.0
//
// The buttons in the bar. Each is a tool, an object with
//
//   id          of its button; its words are tool.ID and, for the tooltip, tool.ID.hint
//   run()       what a click does
//   words       a function of the state that gives another key for the text; optional
//   isShown, isEnabled, isPressed
//               functions of the state; optional. A tool without isEnabled is enabled while connected; one with
//               isPressed is a button that stays down
//   watches     the keys of the state that these depend on, beside `phase` and `settings`
//   keepsFocus  whether the keyboard stays at the button, rather than going back to the guest

import {t} from './words.js';

export function buildToolbar(container, store, connection, tools) {
    container.append(...tools.map((tool) => buildButton(store, connection, tool)));
}

function buildButton(store, connection, tool) {
    const button = document.createElement('button');
    button.type = 'button';
    button.id = tool.id;
    button.title = t(`tool.${tool.id}.hint`);
    button.addEventListener('click', () => {
        tool.run();
        if (!tool.keepsFocus) {
            connection.focus();
        }
    });
    store.watch(['phase', 'settings', ...tool.watches ?? []], (state) => {
        button.textContent = t(tool.words?.(state) ?? `tool.${tool.id}`);
        button.hidden = !(tool.isShown?.(state) ?? true);
        button.disabled = !(tool.isEnabled?.(state) ?? state.phase === 'connected');
        if (tool.isPressed) {
            button.setAttribute('aria-pressed', tool.isPressed(state));
        }
    });
    return button;
}
