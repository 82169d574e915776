// SPDX-License-Identifier: Apache-2.0
//
// The WebSocket, and noVNC's RFB object on it. What happens to them goes into the store; and who has to do with RFB, or
// with what the server says beside it, hears of it by the events of this EventTarget:
//
//   created  an RFB object was made; detail: that object
//   opened   the screen is there
//   notice   the server has said something beside RFB; detail: that object
//   closed   the connection is over; detail: its ending (ending.js)
//
// Works with noVNC 1.3 and later, which take a WebSocket in place of its address. So its close code can be seen here.

import {explainEnding} from './ending.js';
import {countTraffic} from './traffic.js';

// Lets the server send text messages between those of RFB, and answers to it with the same word where it knows it.
const SUBPROTOCOLS = ['nova-vnc.notices', 'binary'];
// noVNC closes the WebSocket when it has read a refusal; the server's close frame is then on its way.
const CLOSE_FRAME_PATIENCE_MS = 2000;
// The proxy opens the WebSocket once it has checked the link and has reached the VM. The former is quick, so that who
// waits longer waits for the latter.
const CHECK_MS = 1000;

export class Connection extends EventTarget {

    // rfb: noVNC's object while there is a connection, else null
    rfb = null;
    // traffic: what went over its WebSocket (traffic.js)
    traffic = null;
    #RFB;
    #store;
    #screen;
    #url;
    #isShared;

    // RFB: noVNC's class; screen: the element that it draws in; url: of the WebSocket; isShared: others may look too
    constructor(RFB, store, screen, url, isShared = true) {
        super();
        this.#RFB = RFB;
        this.#store = store;
        this.#screen = screen;
        this.#url = url;
        this.#isShared = isShared;
    }

    get isOpen() {
        return this.#store.state.phase === 'connected';
    }

    // Give the keyboard to the guest.
    focus() {
        this.rfb?.focus({preventScroll: true});
    }

    connect() {
        const fate = {wasOpen: false, refusal: '', code: 1006, reason: ''};
        const socket = new WebSocket(this.#url, SUBPROTOCOLS);
        this.traffic = countTraffic(socket);
        const rfb = this.#follow(socket, fate);
        const patience = setTimeout(() => {
            if (this.rfb === rfb && this.#store.state.phase === 'checking') {
                this.#store.set({phase: 'reaching'});
            }
        }, CHECK_MS);
        let isOver = false;
        const end = () => {
            clearTimeout(patience);
            if (!isOver && this.rfb === rfb) {
                isOver = true;
                this.#end(fate);
            }
        };
        socket.addEventListener('close', (event) => {
            fate.code = event.code;
            fate.reason = event.reason;
            end();
        });
        rfb.addEventListener('disconnect', () => setTimeout(end, CLOSE_FRAME_PATIENCE_MS));
        this.rfb = rfb;
        this.#store.set({phase: 'checking', hasPicture: false, endsAt: null});
        this.#tell('created', rfb);
    }

    #follow(socket, fate) {
        // Before noVNC listens too, to which text would be a message of RFB.
        socket.addEventListener('message', (event) => {
            if (typeof event.data === 'string') {
                event.stopImmediatePropagation();
                this.#heed(JSON.parse(event.data));
            }
        });
        const rfb = new this.#RFB(this.#screen, socket, {shared: this.#isShared});
        rfb.background = 'transparent';
        rfb.addEventListener('connect', () => {
            fate.wasOpen = true;
            this.#store.set({phase: 'connected', ending: null});
            this.#tell('opened');
        });
        rfb.addEventListener('desktopname', (event) => this.#store.set({name: event.detail.name}));
        rfb.addEventListener('clipboard', (event) => this.#store.set({copied: {text: event.detail.text}}));
        rfb.addEventListener('securityfailure', (event) => {
            fate.refusal = event.detail.reason || '';
        });
        return rfb;
    }

    // What this page does not know is nothing to it.
    #heed(notice) {
        if (Number.isFinite(notice.session_ends_in)) {
            this.#store.set({endsAt: performance.now() + 1000 * notice.session_ends_in});
        }
        this.#tell('notice', notice);
    }

    #end(fate) {
        const ending = explainEnding(fate);
        this.rfb = null;
        this.#store.set({phase: 'ended', ending, endsAt: null});
        this.#tell('closed', ending);
    }

    #tell(type, detail = null) {
        this.dispatchEvent(new CustomEvent(type, {detail}));
    }
}
