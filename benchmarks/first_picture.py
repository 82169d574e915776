# SPDX-License-Identifier: Apache-2.0
"""How long a browser takes from the link to the first picture: the console page beside noVNC's own two.

    python -m benchmarks.first_picture [--rounds 15] [--latency-ms 80] [--novnc /usr/share/novnc] [--json FILE]

All pages come from one proxy, in a process with the VNC server of the demo driver, and are opened in turn in one
Chromium, each with an empty cache and then once more. Times are milliseconds from the navigation to the first frame
that has something of the guest on it; medians, and their ratio to that of vnc_lite.html, which is little more than
noVNC's core.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from benchmarks import about, table
from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.server import DemoServer
from tests.fixtures.browser import Browser
from tests.fixtures.bus import in_process_bus
from tests.functional.novncproxy.rig import Rig

PEER = 'vnc_lite.html'
PAGES = {'vnc_auto.html': '', PEER: '', 'vnc.html': '&autoconnect=true'}
CACHES = ('cold', 'warm')
_TIMEOUT_S = 60
# noVNC's canvas is transparent until there is something of the guest on it.
_WATCH = """
    const point = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const look = () => {
        for (const canvas of document.querySelectorAll('canvas')) {
            if (canvas.width && canvas.height) {
                point.drawImage(canvas, 0, 0, 1, 1);
                if (point.getImageData(0, 0, 1, 1).data[3] > 0) {
                    window.firstPicture = performance.now();
                    return;
                }
            }
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    """

# By page and cache: milliseconds.
Times = dict[tuple[str, str], list[float]]


def measure(novnc: Path, rounds: int, latency_ms: float) -> Times:
    times: Times = {(page, cache): [] for page in PAGES for cache in CACHES}
    guest = DemoServer(Screen('demo'), b'demo')
    guest.start(lambda *_: None)
    host, port = guest.address
    with contextlib.ExitStack() as parts:
        parts.callback(guest.stop)
        rig = parts.enter_context(contextlib.closing(Rig(parts.enter_context(in_process_bus()), str(novnc))))
        rig.start(drain_timeout=0)
        browser = parts.enter_context(Browser())
        command = browser.webdriver.execute_cdp_cmd
        command('Page.addScriptToEvaluateOnNewDocument', {'source': _WATCH})
        command('Network.enable', {})
        command('Network.emulateNetworkConditions', {'offline': False, 'latency': latency_ms, 'downloadThroughput': -1,
                                                     'uploadThroughput': -1})
        for number, (page, cache) in _turns(rounds):
            if cache == 'cold':
                command('Network.clearBrowserCache', {})
            token = rig.grant(host, port, access_url=f'{rig.origin}/{page}')
            browser.open('about:blank')
            browser.open(f'{rig.origin}/{page}?path={quote(f"?token={token}", safe="")}{PAGES[page]}')
            browser.wait_for('window.firstPicture > 0', _TIMEOUT_S)
            if number:      # the first ones find nothing ready
                times[page, cache].append(browser.evaluate('window.firstPicture'))
    return times


def _turns(rounds: int) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield a round's number, page and cache; whoever is first in a round is last in the next."""
    for number in range(rounds + 1):
        for page in list(PAGES)[::1 if number % 2 else -1]:
            for cache in CACHES:
                yield number, (page, cache)


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.first_picture',
                                     description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--latency-ms', type=float, default=0, help='that the browser adds to each answer')
    parser.add_argument('--novnc', type=Path, default=Path('/usr/share/novnc'))
    parser.add_argument('--json', type=Path, help='file for all times')
    arguments = parser.parse_args()
    times = measure(arguments.novnc, arguments.rounds, arguments.latency_ms)
    medians = {key: statistics.median(taken) for key, taken in times.items()}
    rows = [[page, cache, f'{median:.0f}', f'{median / medians[PEER, cache]:.2f}']
            for (page, cache), median in medians.items()]
    print(table.format_text([['page', 'cache', 'ms', f'of {PEER}'], *rows]), end='')
    if arguments.json:
        arguments.json.write_text(json.dumps({
            'about': about.describe({'rounds': arguments.rounds, 'latency_ms': arguments.latency_ms}),
            'ms': {f'{page} {cache}': taken for (page, cache), taken in times.items()}}, indent=1))


if __name__ == '__main__':
    main()
