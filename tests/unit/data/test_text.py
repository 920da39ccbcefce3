"""Texts as ids: what is read, what is held out, and what is refused with its place."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data import text
from nnlab.data.text import Alphabet
from nnlab.errors import InputError, UsageError


def read(tmp_path, content, *, lower=True, name="a.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return text.load(str(path), lower=lower)


def test_a_text_comes_back_from_its_ids(tmp_path):
    content = "Εν αρχή ην ο Λόγος — and so on.\nÆon 漢字\n" * 3
    corpus = read(tmp_path, content, lower=False)
    assert Alphabet(corpus.alphabet).write(corpus.ids.tolist()) == content
    assert corpus.ids.dtype == np.uint8
    folded = read(tmp_path, content)
    assert Alphabet(folded.alphabet).write(folded.ids.tolist()) == content.lower()


def test_pieces_and_line_ends_make_no_difference(tmp_path, monkeypatch):
    content = "One line\nand another, ä ö ü.\n" * 50
    whole = read(tmp_path, content)
    monkeypatch.setattr(text, "PIECE", 7)
    again = read(tmp_path, b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode())
    assert again.alphabet == whole.alphabet
    assert np.array_equal(again.ids, whole.ids)


def test_more_characters_than_a_byte_holds(tmp_path):
    corpus = read(tmp_path, "".join(map(chr, range(0x4E00, 0x4E00 + 300))))
    assert corpus.ids.dtype == np.uint16
    assert len(corpus.alphabet) == 300


def test_the_last_tenth_is_held_out(tmp_path):
    corpus = read(tmp_path, "ab" * 500)
    assert (len(corpus.training), len(corpus.held_out)) == (900, 100)


def test_a_folder_is_its_texts_in_order(tmp_path):
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a.txt").write_text("first")
    (tmp_path / "c.md").write_text("not this")
    corpus = text.load(str(tmp_path), lower=True)
    assert Alphabet(corpus.alphabet).write(corpus.ids.tolist()) == "first\nsecond"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"aaaaaaaa", "has 'a' only"),
        (b"good\nb\xffd\n", r"a.txt:2: expected UTF-8, byte 2 of the line is 0xff"),
        (b"cut off \xc3", r"a.txt:1: expected UTF-8, byte 9 of the line is 0xc3"),
    ],
)
def test_what_is_refused(tmp_path, content, says):
    with pytest.raises(InputError, match=says):
        read(tmp_path, content)


def test_nothing_at_the_place(tmp_path):
    with pytest.raises(UsageError, match=r"there is nothing at"):
        text.load(str(tmp_path / "no.txt"), lower=True)
    with pytest.raises(UsageError, match=r"found none"):
        text.load(str(tmp_path), lower=True)


def test_the_sample_is_the_same_each_time_and_long_enough():
    assert text.sample() == text.sample()
    assert 30_000 < len(text.sample()) < 80_000


def test_an_alphabet_names_what_it_does_not_know():
    assert Alphabet("abc ", lower=True).read("A cab, a dab") == ([0, 3, 2, 0, 1, 3, 0, 3, 0, 1], ",d")
