// SPDX-License-Identifier: Apache-2.0
//
// Types: sends one stroke (typing.js) after the other, as many in a second as the setting says.

import {pressed, takesKeys, toggleLatch} from './keyboard.js';

export class Typist {
    #connection;
    #store;
    #timer = null;
    #strokes = [];

    constructor(connection, store) {
        this.#connection = connection;
        this.#store = store;
        store.watch(['phase', 'settings'], (state) => {
            if (!takesKeys(state)) {
                this.stop();
            }
        });
    }

    get isTyping() {
        return this.#store.state.typing?.isRunning ?? false;
    }

    // Type the strokes. What was being typed ends, and keys that are held down for the user are let go.
    start(strokes) {
        this.stop();
        if (!takesKeys(this.#store.state)) {
            return;
        }
        for (const name of this.#store.state.latches) {
            toggleLatch(this.#connection, this.#store, name);
        }
        this.#strokes = strokes;
        this.#note(0, true);
        this.#goOn();
    }

    stop() {
        clearTimeout(this.#timer);
        if (this.isTyping) {
            this.#note(this.#store.state.typing.done, false);
        }
    }

    #goOn() {
        const {done} = this.#store.state.typing;
        if (done === this.#strokes.length) {
            this.stop();
            return;
        }
        // Down and up at once, so that there is never a key to be let go of later.
        for (const press of pressed(this.#strokes[done])) {
            this.#connection.rfb.sendKey(...press);
        }
        this.#note(done + 1, true);
        this.#timer = setTimeout(() => this.#goOn(), 1000 / Number(this.#store.state.settings.typingRate));
    }

    #note(done, isRunning) {
        this.#store.set({typing: {done, total: this.#strokes.length, isRunning}});
    }
}

// While it types, Esc stops it, wherever it is pressed; other keys pressed at the guest's screen would get in between.
export function guardKeys(typist, screen) {
    window.addEventListener('keydown', (event) => {
        const isStop = event.key === 'Escape';
        if (typist.isTyping && (isStop || screen.contains(event.target))) {
            event.preventDefault();
            event.stopImmediatePropagation();
            if (isStop) {
                typist.stop();
            }
        }
    }, true);
}
