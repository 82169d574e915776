# SPDX-License-Identifier: Apache-2.0
"""Text that crosses the protocol: made safe to print, and cut to a number of bytes."""

from __future__ import annotations

import unicodedata

# Control characters and line ends would forge log lines; surrogates (JSON can carry a lone one)
# cannot be encoded at all.
_DROPPED_CATEGORIES = frozenset({'Cc', 'Cs', 'Zl', 'Zp'})
# Bidirectional overrides and isolates would show the text after them in another order.
_BIDI_CONTROLS = frozenset('\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')


def drop_control_characters(text: str) -> str:
    """Return the text without characters that a terminal, log or title bar would act on."""
    if text.isascii() and text.isprintable():
        return text
    return ''.join(char for char in text
                   if unicodedata.category(char) not in _DROPPED_CATEGORIES
                   and char not in _BIDI_CONTROLS)


def encode_bounded(text: str, max_bytes: int) -> bytes:
    """Return the longest start of the text that is at most max_bytes of UTF-8, control characters
    dropped and no character cut in two."""
    encoded = drop_control_characters(text).encode()
    return encoded[:max_bytes].decode(errors='ignore').encode()
