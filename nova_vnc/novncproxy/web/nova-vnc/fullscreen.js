// SPDX-License-Identifier: Apache-2.0
//
// The whole screen for the page.

export function fullScreenTool(store) {
    document.addEventListener('fullscreenchange', () => {
        store.set({isFullScreen: document.fullscreenElement !== null});
    });
    return {
        id: 'fullscreen',
        watches: ['isFullScreen'],
        words: ({isFullScreen}) => isFullScreen ? 'tool.fullscreen.leave' : 'tool.fullscreen',
        // A frame may be forbidden it.
        isShown: () => document.fullscreenEnabled,
        isEnabled: () => true,
        run: () => document.fullscreenElement ? document.exitFullscreen()
                                              : document.documentElement.requestFullscreen(),
    };
}
