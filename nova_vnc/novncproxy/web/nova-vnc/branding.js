// SPDX-License-Identifier: Apache-2.0
//
// What the operator has added to the page ([novncproxy]console_page_...): a logo, a link home, a text below the bar.

const ADDED = new URL('site.json', import.meta.url);

// Return {logo, homeUrl, banner} of what site.json holds, '' for what is not there. Pure; whatever else it holds, no
// address but one of http or https becomes a link.
export function readBranding({logo, home_url, banner}) {
    return {logo: readText(logo), homeUrl: isWebAddress(home_url) ? home_url : '', banner: readText(banner)};
}

const readText = (value) => typeof value === 'string' ? value : '';

function isWebAddress(value) {
    try {
        return ['http:', 'https:'].includes(new URL(value).protocol);
    } catch {
        return false;
    }
}

// page: the elements home, logo, banner
export async function showBranding(page, homeWords, isFramed) {
    let added;
    try {
        added = readBranding(await (await fetch(ADDED)).json());
    } catch (error) {
        console.error(error);
        return;
    }
    const {logo, homeUrl, banner} = added;
    if (logo) {
        page.logo.src = new URL(logo, ADDED);
        page.logo.hidden = false;
    }
    // In a frame there is a page around, which is home.
    if (homeUrl && !isFramed) {
        page.home.href = homeUrl;
        page.home.title = homeWords;
        page.home.setAttribute('aria-label', homeWords);
        if (!logo) {
            page.home.append(homeWords);
        }
    }
    page.home.hidden = !logo && !page.home.href;
    page.banner.textContent = banner;
    page.banner.hidden = banner === '';
}
