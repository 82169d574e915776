# SPDX-License-Identifier: Apache-2.0
"""The picture, once for all tests here, which are made from the browser's place in it."""

from collections.abc import Iterator

import pytest

from tests.integration.networks.picture import MANAGEMENT_NETWORK, PUBLIC_ADDRESS, Picture

TARGET_TIMEOUT_S = 4
_OPTIONS = {'novncproxy': {'target_timeout': TARGET_TIMEOUT_S, 'target_networks': MANAGEMENT_NETWORK}}


@pytest.fixture(scope='package')
def picture() -> Iterator[Picture]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ('no_proxy', 'NO_PROXY'):
            patch.setenv(name, f'127.0.0.1,localhost,{PUBLIC_ADDRESS}')
        with Picture(_OPTIONS) as picture:
            with picture.browser.inside():
                for host in picture.hosts:
                    picture.controller.wait_for_server(host.guest.uuid)
            picture.hosts[0].guest.wait_until_ready()
            yield picture


# Before those of other fixtures that are asked for by name, such as browser.
@pytest.fixture(autouse=True)
def in_the_place_of_the_browser(picture: Picture) -> Iterator[None]:
    with picture.browser.inside():
        yield
