"""Characters are composed as the whole text would be, wherever it is cut."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from nnlab.data.characters import begins_character, composed, shown


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_chunks_are_composed_as_the_whole_text_is(size):
    text = "cafe\u0301 Ελλα\u0301δα 한글 q\u0307\u0323 \u212b ο\u0345\u0301 漢字 e\u0301"
    for given in (text, unicodedata.normalize("NFD", text), "\u0301" * 7, "", "e" + "\u0301" * 300 + "a"):
        chunks = [given[start : start + size] for start in range(0, len(given), size)]
        assert "".join(composed(chunks)) == unicodedata.normalize("NFC", given)


def test_no_character_that_is_said_to_begin_one_is_composed_with_what_stands_before():
    """Of all of Unicode's compositions the second half, and what a decomposition begins with."""
    for code in range(sys.maxunicode + 1):
        whole = chr(code)
        parts = unicodedata.decomposition(whole)
        if unicodedata.combining(whole):
            assert not begins_character(whole)
        if not parts or parts.startswith("<"):
            continue
        first, *second = (chr(int(part, 16)) for part in parts.split())
        assert not second or unicodedata.normalize("NFC", first + second[0]) != whole or not begins_character(second[0])
        assert begins_character(first) or not begins_character(whole)
    assert begins_character("\u1112")
    assert not begins_character("\u1161")  # of Hangul, which is composed by a rule


def test_what_is_shown_is_short_and_escaped():
    assert shown(" a\tb\x1b[2J\n") == r"'a\tb\x1b[2J'"
    assert shown("x" * 61) == repr("x" * 59 + "…")
