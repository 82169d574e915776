// SPDX-License-Identifier: Apache-2.0
//
// The way out of the guest's keyboard: all keys are the guest's, Tab too, until the left Ctrl and Alt have been pressed
// together, and let go without any other key. Which is how VMware and QEMU have it. AltGr, which Windows reports as the
// left Ctrl and the right Alt, is none of it.

const CHORD = ['ControlLeft', 'AltLeft'];

// Return a function that is told every key, isDown and code, and returns whether this one completes the chord. Pure.
export function createChord() {
    let down = [];
    let isClean = true;
    return (isDown, code) => {
        if (isDown) {
            isClean = CHORD.includes(code) && (down.length === 0 || isClean);
            down = [...new Set([...down, code])];
            return false;
        }
        const isComplete = isClean && CHORD.every((one) => down.includes(one));
        down = down.filter((one) => one !== code);
        // One chord is not two, by the release of its second key.
        isClean = isClean && !isComplete;
        return isComplete;
    };
}

// Call leave() after the chord was pressed in the element.
export function watchForWayOut(element, leave) {
    let chord = createChord();
    const listen = (event) => {
        // Before noVNC, which lets nobody else see the keys; but it is to see this one.
        if (element.contains(event.target) && chord(event.type === 'keydown', event.code)) {
            setTimeout(leave);
        }
    };
    window.addEventListener('keydown', listen, true);
    window.addEventListener('keyup', listen, true);
    window.addEventListener('blur', () => {
        chord = createChord();
    });
}
