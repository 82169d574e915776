# SPDX-License-Identifier: Apache-2.0
import pytest

from nova_vnc.workers import channel


def test_what_is_inherited_comes_back_from_the_environment():
    inheritance = channel.Inheritance(2, 5, 7, 0.5)
    assert channel.parse_inheritance(inheritance.serialize()) == inheritance


@pytest.mark.parametrize('text', ['', '1', '1:2:3', '1:2:3:x', 'a:2:3:4'])
def test_what_nobody_of_ours_has_written(text):
    with pytest.raises(ValueError, match=r'values to unpack|convert|invalid literal'):
        channel.parse_inheritance(text)
