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
        run: async () => {
            if (document.fullscreenElement) {
                await document.exitFullscreen();
                return;
            }
            await document.documentElement.requestFullscreen();
            // Chromium, over https: Esc, Alt-Tab and the like are the guest's then; a long Esc leaves.
            await navigator.keyboard?.lock?.().catch(() => {});
        },
    };
}
