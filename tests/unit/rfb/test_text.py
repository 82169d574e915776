# SPDX-License-Identifier: Apache-2.0

from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.rfb.text import drop_control_characters, encode_bounded


def test_what_a_log_or_terminal_would_act_on_is_dropped():
    assert drop_control_characters('a\r\n\x1b[31mb\0\x9b\u2028c\ud800\u202ed') == 'a[31mbcd'


def test_words_of_any_language_stay():
    text = 'Grüße, 仮想マシン, क्\u200dष'
    assert drop_control_characters(text) == text


def test_no_character_is_cut_in_two():
    assert encode_bounded('aéé', 4) == 'aé'.encode()


@given(st.text(), st.integers(0, 40))
def test_the_bound_holds_and_the_result_is_the_longest_start(text, max_bytes):
    encoded = encode_bounded(text, max_bytes)
    whole = drop_control_characters(text)
    shown = encoded.decode()
    assert len(encoded) <= max_bytes
    assert whole.startswith(shown)
    if shown != whole:
        assert len(encoded) + len(whole[len(shown)].encode()) > max_bytes
