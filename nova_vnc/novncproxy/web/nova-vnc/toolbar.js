// SPDX-License-Identifier: Apache-2.0
//
// The buttons in the bar, and the panels that some of them open. Each is a tool, an object with
//
//   id          of its button; its words are tool.ID and, for the tooltip, tool.ID.hint
//   run()       what a click does
//   fill(element)
//               in place of run: the tool has a panel, and this puts what is in it there, once
//   words       a function of the state that gives another key for the text; optional
//   isShown, isEnabled, isPressed
//               functions of the state; optional. A tool is enabled while connected unless it says otherwise; one with
//               isPressed is a button that stays down
//   watches     the keys of the state that these depend on, beside `phase`, `settings` and `panel`
//   place       'more': it is under More; 'bar': it never goes there. Others do where the window is narrow
//   keepsFocus  whether the keyboard stays at the button, rather than going back to the guest
//
// A panel is open while its id is the state's `panel`; there is one at a time. Esc closes it, and from the bar leads
// back to the guest.

import {t} from './words.js';

const NARROW = '(max-width: 760px)';
const MORE = 'more';

// bar, panels: elements; tools: those of the bar and of More, in this order
export function buildToolbar(bar, panels, store, connection, tools) {
    const more = document.createElement('div');
    const moreTool = {id: 'more', place: 'bar', isEnabled: () => true, fill: (element) => element.append(more)};
    const made = [...tools, moreTool].map((tool) => ({tool, button: buildButton(store, connection, tool)}));
    for (const {tool, button} of made) {
        if (tool.fill) {
            panels.append(buildPanel(store, tool, button));
        }
    }

    const narrow = matchMedia(NARROW);
    const place = () => {
        for (const {tool, button} of made) {
            const isUnderMore = tool.place === 'more' || (narrow.matches && tool.place !== 'bar');
            (isUnderMore ? more : bar).append(button);
        }
        made.at(-1).button.hidden = more.childElementCount === 0;
    };
    narrow.addEventListener('change', place);
    place();

    for (const element of [bar, panels]) {
        element.addEventListener('keydown', (event) => {
            if (event.key === 'Escape') {
                event.stopPropagation();
                leave(store, connection);
            }
        });
    }
}

// Where the keyboard goes when the guest lets go of it.
export function focusToolbar(bar) {
    bar.querySelector('button:enabled:not([hidden])')?.focus({focusVisible: true});
}

function leave(store, connection) {
    const {panel} = store.state;
    if (panel === null) {
        connection.focus();
        return;
    }
    closePanel(store, document.getElementById(panel));
}

// The keyboard goes back to where it came from.
function closePanel(store, button) {
    store.set({panel: null});
    // Which is under More, or of no use since the connection is lost; More always is.
    const isThere = button.checkVisibility?.() !== false && !button.disabled;
    (isThere ? button : document.getElementById(MORE)).focus();
}

function buildButton(store, connection, tool) {
    const button = document.createElement('button');
    button.type = 'button';
    button.id = tool.id;
    button.title = t(`tool.${tool.id}.hint`);
    if (tool.fill) {
        button.setAttribute('aria-controls', `panel-${tool.id}`);
    }
    // What has the keyboard keeps it: noVNC would let go of all keys that are down.
    button.addEventListener('mousedown', (event) => event.preventDefault());
    button.addEventListener('click', (event) => {
        if (tool.fill) {
            const isOpen = store.state.panel === tool.id;
            store.set({panel: isOpen ? null : tool.id});
            // Who clicks goes on typing, or else what was in the panel would take the keyboard away with it.
            if (isOpen && event.detail > 0) {
                connection.focus();
            }
            return;
        }
        tool.run();
        if (store.state.panel === MORE) {
            store.set({panel: null});
        }
        if (!tool.keepsFocus) {
            connection.focus();
        }
    });
    store.watch(['phase', 'settings', 'panel', ...tool.watches ?? []], (state) => {
        button.textContent = t(tool.words?.(state) ?? `tool.${tool.id}`);
        if (tool.isShown) {
            button.hidden = !tool.isShown(state);
        }
        button.disabled = !(tool.isEnabled?.(state) ?? state.phase === 'connected');
        if (tool.isPressed) {
            button.setAttribute('aria-pressed', tool.isPressed(state));
        }
        if (tool.fill) {
            button.setAttribute('aria-expanded', state.panel === tool.id);
        }
    });
    return button;
}

function buildPanel(store, tool, button) {
    const panel = document.createElement('section');
    panel.className = 'panel';
    panel.id = `panel-${tool.id}`;
    panel.setAttribute('role', 'dialog');
    panel.setAttribute('aria-label', t(`tool.${tool.id}`));
    panel.append(buildHeading(store, tool, button));
    tool.fill(panel);
    store.watch(['panel'], (state) => {
        const isToOpen = state.panel === tool.id;
        if (panel.hidden === isToOpen || !panel.isConnected) {
            panel.hidden = !isToOpen;
            if (isToOpen) {
                // Not the button that closes it, unless it is the only one.
                (panel.querySelector(
                    ':scope > :not(header) :is(button, input, select, textarea):enabled:not([hidden])')
                    ?? panel.querySelector('button')).focus();
            }
        }
    });
    return panel;
}

function buildHeading(store, tool, button) {
    const heading = document.createElement('header');
    const title = document.createElement('h2');
    title.textContent = t(`tool.${tool.id}`);
    const close = document.createElement('button');
    close.type = 'button';
    close.textContent = '\u00d7';
    close.title = t('panel.close');
    close.setAttribute('aria-label', t('panel.close'));
    close.addEventListener('click', () => closePanel(store, button));
    heading.append(title, close);
    return heading;
}
