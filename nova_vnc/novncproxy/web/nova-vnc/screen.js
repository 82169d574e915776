// SPDX-License-Identifier: Apache-2.0
//
// How the guest's screen fits the window, and how one that does not is moved about.

// Return what noVNC is to do with a screen of the guest in an element of the page; sizes are {width, height} in pixels.
//   isTouch     there are no scroll bars
//   isDragging  see state.js
//   isClipped   the address wants none
export function planScaling(scaling, guest, element,
                            {isTouch = false, isDragging = false, isClipped = false} = {}) {
    const isLarger = guest.width > element.width || guest.height > element.height;
    return {
        // A part of the screen instead of scroll bars; noVNC drags nothing else.
        clipViewport: scaling === 'real' && (isTouch || isDragging || isClipped),
        dragViewport: scaling === 'real' && isDragging,
        // A screen that is smaller than the window is shown as it is: sharp. A guest that does not resize its screen,
        // or not yet, is no worse off with 'remote' than with 'auto'.
        scaleViewport: scaling === 'fit' || (scaling !== 'real' && isLarger),
        resizeSession: scaling === 'remote',
    };
}

// Keep noVNC's screen as the setting wants it.
export function keepScaling(connection, store, element) {
    const fit = () => {
        const canvas = element.querySelector('canvas');
        if (connection.rfb !== null && canvas !== null) {
            const {scaling, viewClip} = store.state.settings;
            const plan = planScaling(scaling, canvas, {width: element.clientWidth, height: element.clientHeight},
                                     {isTouch: isTouch(), isDragging: store.state.isDragging, isClipped: viewClip});
            change(connection.rfb, plan);
        }
    };
    // The VM changes the size of its screen, the user that of the window. noVNC tells of neither.
    new MutationObserver(fit).observe(
        element, {subtree: true, childList: true, attributes: true, attributeFilter: ['width', 'height']});
    new ResizeObserver(fit).observe(element);
    store.watch(['settings', 'isDragging'], fit);
    connection.addEventListener('opened', fit);
}

export function dragTool(store) {
    return {
        id: 'drag',
        watches: ['isDragging'],
        isShown: ({settings}) => settings.scaling === 'real',
        isPressed: ({isDragging}) => isDragging,
        run: () => store.set({isDragging: !store.state.isDragging}),
    };
}

const isTouch = () => matchMedia('(any-pointer: coarse)').matches && !matchMedia('(any-pointer: fine)').matches;

// Each assignment makes noVNC lay out its screen anew.
function change(rfb, wanted) {
    for (const [name, value] of Object.entries(wanted)) {
        if (rfb[name] !== value) {
            rfb[name] = value;
        }
    }
}
