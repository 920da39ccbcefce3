"""Texts as ids: what is read, what is held out, what is left out and said, and windows that miss no character."""

from __future__ import annotations

import gzip
import hashlib
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from nnlab.data.texts import text, textfile
from nnlab.data.texts.tokenizers import TextTokenizer
from nnlab.errors import InputError, UsageError
from tests.conftest import ROOT

STORY = "The student trains the small network.\nIt forgets.\n" * 4


def read(tmp_path, content, *, lower=True, name="a.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return text.load(str(path), lower=lower)


def decoded(corpus):
    return TextTokenizer(corpus.alphabet).decode(corpus.ids.tolist())


def test_a_text_comes_back_from_its_ids(tmp_path):
    content = "Εν αρχή ην ο Λόγος — and so on.\nÆon 漢字\n" * 3
    corpus = read(tmp_path, content, lower=False)
    assert decoded(corpus) == content
    assert list(corpus.alphabet) == sorted(set(content))
    assert corpus.ids.dtype == np.uint8
    assert decoded(read(tmp_path, content)) == content.lower()


@pytest.mark.parametrize("lower", [True, False])
def test_nietzsche_keeps_every_id(lower):
    """The ids of before texts were composed."""
    folder = Path(os.environ.get("NNLAB_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "nietzsche.txt").exists():
        pytest.skip(f"no nietzsche.txt in {folder}: set NNLAB_DATA to a folder that has it")
    corpus = text.load(str(folder / "nietzsche.txt"), lower=lower)
    assert len(corpus.ids) == 600_893
    assert (
        corpus.digest
        == {
            True: "0a55437a397dc4bcd3c6410cd054ba6cbe2c9157b73b79b6ac1cd31726d92b17",
            False: "992a36069c35464eb01acd896f12c8ef32cbe58016557e67ba74d481ce0deb01",
        }[lower]
    )


@pytest.mark.parametrize("size", [1, 3, 100])
def test_decomposed_characters_are_read_as_people_type_them(tmp_path, monkeypatch, size):
    content = "Le café d'Ελλάδα, où l'été. 한글\n" * 3
    whole = read(tmp_path, content)
    monkeypatch.setattr(textfile, "CHUNK", size)
    again = read(tmp_path, unicodedata.normalize("NFD", content))
    assert (again.alphabet, again.digest) == (whole.alphabet, whole.digest)
    assert text.encode([unicodedata.normalize("NFD", content)], lower=True, origin="here").digest == whole.digest


def test_lost_characters_are_told_and_of_a_folder_with_the_file(tmp_path):
    corpus = read(tmp_path, f"{STORY}caf\ufffd\n")
    told = (
        f"1 character is lost (U+FFFD), in line {STORY.count(chr(10)) + 1}: get the original, or correct what is read"
    )
    assert [note.startswith(told) for note in corpus.notes] == [True]
    (tmp_path / "b.txt").write_text("fine\n")
    assert [note.startswith(f"a.txt: {told}") for note in text.load(str(tmp_path), lower=True).notes] == [True]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_chunks_and_line_ends_make_no_difference(tmp_path, monkeypatch, size):
    content = "One line\nand another, ä ö ü.\n" * 5
    whole = read(tmp_path, content)
    monkeypatch.setattr(textfile, "CHUNK", size)
    again = read(tmp_path, b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode())
    assert again.alphabet == whole.alphabet
    assert np.array_equal(again.ids, whole.ids)
    assert again.digest == whole.digest


def test_more_characters_than_a_byte_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "CHUNK", 100)  # the type grows on the way
    content = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))[::-1]
    corpus = read(tmp_path, content)
    assert corpus.ids.dtype == np.uint16
    assert len(corpus.alphabet) == 300
    assert decoded(corpus) == content


def test_the_last_tenth_is_test_and_the_twentieth_before_it_validation(tmp_path):
    corpus = read(tmp_path, "abcdefghij" * 100)
    parts = corpus.parts(0.05)
    assert parts.validation is not None
    assert np.array_equal(np.concatenate([parts.training, parts.validation, parts.test]), corpus.ids)
    assert (len(parts.training), len(parts.validation), len(parts.test)) == (850, 50, 100)
    assert parts.watched[0] == "val"
    assert parts.watched[1] is parts.validation
    whole = corpus.parts(0)
    assert (len(whole.training), whole.validation, len(whole.test)) == (900, None, 100)
    assert whole.watched[0] == "test"
    assert np.array_equal(whole.watched[1], parts.test)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (STORY.encode("utf-16"), "read as UTF-16"),
        (STORY.encode("utf-16-be"), "read as UTF-16"),
        (gzip.compress(STORY.encode(), mtime=0), "read as gzip"),
    ],
)
def test_other_forms_are_the_same_text_and_said(tmp_path, content, note):
    corpus = read(tmp_path, content)
    assert decoded(corpus) == STORY.lower()
    assert corpus.notes == (note,)
    assert corpus.size == len(content)
    assert corpus.digest == read(tmp_path, STORY).digest


def test_the_digest_is_of_what_was_read(tmp_path):
    corpus = read(tmp_path, "ABBA")
    assert corpus.digest == hashlib.sha256(b"ab" + bytes([0, 1, 1, 0])).hexdigest()
    assert corpus.digest != read(tmp_path, "ABAB").digest
    assert corpus.digest != read(tmp_path, "cddc").digest


def test_a_folder_is_its_texts_in_order_and_the_rest_is_said(tmp_path):
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a.TXT").write_text("first")
    (tmp_path / "c.md").write_text("not this")
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress(b"third", mtime=0))
    (tmp_path / "._a.txt").write_text("nor this")
    corpus = text.load(str(tmp_path), lower=True)
    assert decoded(corpus) == "first\nsecond\nthird"
    assert corpus.notes == ("not read: 1 .md, 1 hidden file", "d.txt.gz: read as gzip")
    assert corpus.skipped == ()
    assert corpus.origin == str(tmp_path)


def test_files_of_a_folder_that_are_no_text_are_named_and_leave_no_trace(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "CHUNK", 8)
    (tmp_path / "a.txt").write_text("first")
    (tmp_path / "b.txt").write_bytes(b"XYZ, and later \xff\xfe\n")
    (tmp_path / "c.txt").write_bytes(b"%PDF-1.7")
    (tmp_path / "d.txt").write_bytes(b"")
    (tmp_path / "e.txt").write_text("last")
    corpus = text.load(str(tmp_path), lower=False)
    assert decoded(corpus) == "first\nlast"
    assert [line.split(":")[0] for line in corpus.skipped] == ["b.txt", "c.txt", "d.txt"]
    assert corpus.size == 9


def test_copies_are_read_once_so_that_nothing_held_out_is_trained_on(tmp_path):
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(STORY if name != "b.txt" else "another\n")
    (tmp_path / "d.txt").write_bytes(STORY.encode("utf-16"))
    corpus = text.load(str(tmp_path), lower=False)
    assert decoded(corpus) == STORY + "\nanother\n"
    assert corpus.notes == ("2 files that repeat another were left out",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"aaaaaaaa", "has 'a' only"),
        (b"good\nb\xffd\n", r"a.txt:2: expected UTF-8, byte 2 of the line is 0xff"),
        (b"cut off \xc3", r"a.txt:1: expected UTF-8, byte 9 of the line is 0xc3"),
        (b"good\nb\0d\n", r"a.txt:2: expected text, byte 2 of the line is NUL"),
    ],
)
def test_what_is_refused(tmp_path, content, says):
    with pytest.raises(InputError, match=says):
        read(tmp_path, content)


def test_nothing_where_a_text_should_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("no.txt", "", " ", "a\0b", "x" * 5000):
        with pytest.raises(UsageError, match=r"there is nothing at"):
            text.load(name, lower=True)
    with pytest.raises(UsageError, match=r"found none"):
        text.load(str(tmp_path), lower=True)
    (tmp_path / "a.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"no text can be read, the first: a.txt:1: expected UTF-8"):
        text.load(str(tmp_path), lower=True)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "metrics.csv").write_text("")
    with pytest.raises(UsageError, match=r"it is a run folder of nnlab"):
        text.load(str(tmp_path), lower=True)


def test_a_name_is_looked_for_in_the_data_folder(tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text(STORY)
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path))
    assert text.load("book.txt", lower=True).origin == str(tmp_path / "book.txt")


def test_known_texts(mirror):
    assert decoded(text.load(None, lower=True)).startswith("supposing that truth")
    assert decoded(text.load("tinyshakespeare", lower=False)).startswith("SUPPOSING THAT")
    with pytest.raises(UsageError, match=r"nietzsche, tinyshakespeare, sample"):
        text.load("eng-fra", lower=True)


def test_the_sample_is_the_same_each_time_and_long_enough():
    assert text.sample() == text.sample()
    assert 30_000 < len(text.sample()) < 80_000
    assert text.load("sample", lower=True).origin == "sample"


# ---- Project Gutenberg -------------------------------------------------------------------------------

HEADER = "The Project Gutenberg eBook of Sums\n\nThis ebook is for the use of anyone anywhere.\n\n"
LICENCE = "\n\nUpdated editions.\n" + "The Project Gutenberg license, section 1, and its terms.\n" * 320


@pytest.mark.parametrize("size", [7, 100, 1 << 20])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("*** START OF THE PROJECT GUTENBERG EBOOK SUMS ***", "*** END OF THE PROJECT GUTENBERG EBOOK SUMS ***"),
        ("***START OF THE PROJECT GUTENBERG EBOOK SUMS***", "***END OF THE PROJECT GUTENBERG EBOOK SUMS***"),
        (
            "*** START OF THIS PROJECT GUTENBERG EBOOK SUMS, OR HOW\nTO ADD ***",
            "End of Project Gutenberg's Sums, by A. Nobody\n\n*** END OF THIS PROJECT GUTENBERG EBOOK SUMS ***",
        ),
        (
            "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
            "End of the Project Gutenberg EBook of Sums, by A. Nobody",
        ),
    ],
)
def test_a_book_is_read_without_header_and_licence(tmp_path, monkeypatch, start, end, size):
    monkeypatch.setattr(textfile, "CHUNK", size)
    whole = f"{HEADER}{start}\n{STORY}{end}{LICENCE}"
    corpus = read(tmp_path, whole.replace("\n", "\r\n"))
    assert decoded(corpus) == STORY.lower()
    assert corpus.licence == len(whole) - len(STORY)
    assert corpus.notes == (f"licence and header of Project Gutenberg left out: {corpus.licence:,} characters",)
    assert corpus.digest == read(tmp_path, STORY).digest


def test_books_in_a_folder_and_in_one_file_are_read_without_theirs(tmp_path):
    start, end = (f"*** {word} OF THE PROJECT GUTENBERG EBOOK SUMS ***" for word in ("START", "END"))
    books = [f"{HEADER}{start}\n{STORY}{number}\n{end}{LICENCE}" for number in range(3)]
    for number, book in enumerate(books):
        (tmp_path / f"{number}.txt").write_text(book)
    (tmp_path / "3.txt").write_text(f"{STORY}0\n")  # the same story from elsewhere
    corpus = text.load(str(tmp_path), lower=False)
    assert decoded(corpus) == "\n".join(f"{STORY}{number}\n" for number in range(3))
    told = f"licence and header of Project Gutenberg left out of 3 files: {corpus.licence:,} characters"
    assert corpus.notes == ("1 file that repeats another was left out", told)
    (tmp_path / "one").mkdir()
    whole = read(tmp_path / "one", "".join(books), lower=False)
    assert decoded(whole) == "".join(f"{STORY}{number}\n" for number in range(3))
    assert whole.licence == corpus.licence


@pytest.mark.parametrize("size", [100, 1 << 20])
def test_a_text_that_speaks_of_project_gutenberg_stays(tmp_path, monkeypatch, size):
    monkeypatch.setattr(textfile, "CHUNK", size)
    start, end = (f"*** {word} OF THE PROJECT GUTENBERG EBOOK SUMS ***" for word in ("START", "END"))
    for content in (
        f"{STORY}They come from Project Gutenberg, whose files have a line\n  {start}\nand {end}\n{STORY}",
        f"{STORY}{start}\n{STORY}",  # nothing before it is a header
        f"{STORY}{end}\n{STORY * 400}{LICENCE}",  # far from the end
        f"{STORY}End of Project Gutenberg was what he feared.\n{STORY}So it ended with Project Gutenberg.\n",
        f"{STORY}{end}\n{STORY}",
        "a" * 3000 + f"{end}\n",
    ):
        corpus = read(tmp_path, content, lower=False)
        assert decoded(corpus) == content
        assert (corpus.licence, corpus.notes) == (0, ())


# ---- windows -----------------------------------------------------------------------------------------


def test_training_windows_go_on_where_the_last_ended():
    ids = np.arange(1000)
    x, y = text.training_windows(ids, 3, 20, np.random.default_rng(0))
    assert x.shape == y.shape == (3 * (999 // 60), 20)
    assert np.array_equal(y, x + 1)
    for stream in range(3):
        row = x[stream::3].reshape(-1)
        assert np.array_equal(row, np.arange(row[0], row[0] + len(row)))


@pytest.mark.parametrize(("length", "streams", "window"), [(1000, 3, 20), (50, 4, 16), (17, 4, 16), (7, 1, 64)])
def test_held_out_windows_count_every_character_once(length, streams, window):
    counted = []
    for ids, following, count in text.held_out_windows(np.arange(length), streams, window):
        assert np.array_equal(following, ids + 1)
        counted += following[count].tolist()
    assert sorted(counted) == list(range(1, length))
