// SPDX-License-Identifier: Apache-2.0
//
// The state of the page: one plain object, which modules change by set() and views render from by watch(). Pure.

export const INITIAL = {
    // loading: noVNC's files; waiting: for the user; checking: the link; reaching: the VM; connected;
    // lost: retried by itself; ended
    phase: 'loading',
    // Whether the guest has shown anything since the connection was made.
    hasPicture: false,
    // Whether what the guest shows has been of one colour for some time.
    isBlank: false,
    // What the page is called: the name of the VM, or what the address says.
    name: '',
    // What the VM has copied last: {text}, each time another object; null: nothing yet.
    copied: null,
    // Of a connection that is lost or ended: what ending.js says of it.
    ending: null,
    // When the session ends as the server has said, in milliseconds of performance.now().
    endsAt: null,
    // After a loss: whether the page tries to connect again, and when it does so next (as endsAt), null for now.
    isRetrying: false,
    retryAt: null,
    // The names of the keys (keyboard.js) that are held down for the user.
    latches: [],
    // Of a text that is or was typed: {done, total, isRunning}, in strokes (typing.js).
    typing: null,
    // Whether the mouse moves a screen that is larger than the window, rather than the guest's pointer.
    isDragging: false,
    // The id of the panel that is open.
    panel: null,
    isFullScreen: false,
    // See settings.js.
    settings: {},
};

export function createStore(initial = INITIAL) {
    const state = {...initial};
    const watchers = new Set();
    return {
        state,

        // Merge changes in, and tell whoever watches one of what has changed.
        set(changes) {
            const changed = Object.keys(changes).filter((key) => !Object.is(state[key], changes[key]));
            for (const key of changed) {
                if (!(key in initial)) {
                    throw new Error(`The state has no ${key}`);
                }
                state[key] = changes[key];
            }
            for (const {keys, render} of [...watchers]) {
                if (changed.some((key) => keys.includes(key))) {
                    render(state);
                }
            }
        },

        // Call render(state) now, and whenever one of these keys has changed; return what ends that.
        watch(keys, render) {
            const watcher = {keys, render};
            watchers.add(watcher);
            render(state);
            return () => watchers.delete(watcher);
        },
    };
}
