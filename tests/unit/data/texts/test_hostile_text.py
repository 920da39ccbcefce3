"""Generated hostile texts, pair files, sums, folders and records: data or a named error, never anything else.

About 200 examples per kind; ``NNLAB_EXAMPLES=1000`` (or more) makes more of them, other ones each time.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import csv
import gzip
import io
import lzma
import os
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnlab.data.pairs import sentence_pairs
from nnlab.data.pairs.checks import LONGEST
from nnlab.data.pairs.column_kinds import LEAST
from nnlab.data.sums import arithmetic, sum_files
from nnlab.data.texts import text, textfile
from nnlab.data.texts.batching import bucket_by_length, encode
from nnlab.data.texts.tokenizers import TextTokenizer, fit_tokenizers, tokenizer_from_json
from nnlab.errors import InputError, NnlabError

MANY = int(os.environ.get("NNLAB_EXAMPLES", "0"))
hostile = settings(
    max_examples=MANY or 120,
    derandomize=not MANY,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
LEGACY = ("cp1252", "iso8859_7", "cp932", "koi8_r")
PACKERS: tuple[Callable[[bytes], bytes], ...] = (bytes, bytes, bytes, gzip.compress, bz2.compress, lzma.compress)
ENDS = ("\n", "\r\n", "\r")
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, b"#separator:tab\n")
KINDS = (b"PK\3\4", b"%PDF-1", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"{\\rtf", b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
magic = st.sampled_from([b"", b"<!DOCTYPE html>", *MARKS, *KINDS])

# Characters that people have, and those that break programs: marks, halves of pairs, separators, controls, signs.
letters = st.characters(codec="utf-8")
awkward = st.sampled_from(
    "\0\ufeff\u2028\u0085\x0b\x0c\x1b\x1c\u202e\u200b\u2581\u2585\ud83d\ufffe\U0001f600İßΣςẞ\t\"'<>&;,#=+-%"
)
plain_words = st.text(st.sampled_from("abcdefgh éüλό漢 .,!?"), max_size=30)
words = st.one_of(plain_words, st.text(st.one_of(letters, awkward), max_size=30))


@st.composite
def files(draw: st.DrawFn, content: st.SearchStrategy[str]) -> bytes:
    """A file made of a text: half are plain and whole, half encoded, packed and damaged in ways that happen."""
    made = draw(content)
    if draw(st.booleans()):
        return made.encode("utf-8", "ignore").replace(b"\0", b"")
    encoding = draw(st.sampled_from(UNICODE + LEGACY))
    encoded = made.encode(encoding, "surrogatepass" if encoding in UNICODE else "ignore")
    return damaged(draw, draw(st.sampled_from(PACKERS))(encoded))


def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    damage = draw(st.sampled_from(("none", "none", "cut", "flip", "insert", "before", "nul")))
    place = draw(st.integers(0, max(0, len(content) - 1)))
    if damage == "cut":
        return content[:place]
    if damage == "flip" and content:
        return content[:place] + bytes([content[place] ^ draw(st.integers(1, 255))]) + content[place + 1 :]
    if damage == "insert":
        return content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]
    if damage == "before":
        return draw(magic) + content
    return content[:place] + bytes(draw(st.integers(1, 40))) + content[place:] if damage == "nul" else content


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(autouse=True, scope="module")
def small_chunks():
    """Chunks of few bytes, so that examples are cut everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile, "CHUNK", 13)
        patch.delenv("NNLAB_DATA", raising=False)
        yield


def put(folder: Path, content: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(call: Callable[[], Any], path: Path) -> Any:
    """What a call gives, or None where it raises an error that names the file and says what to do."""
    error = None
    try:
        return call()
    except NnlabError as raised:
        error = raised
    assert error.message
    assert error.hint
    assert str(path) in error.message
    assert len(error.message) < 1000
    return None


# ---- texts -------------------------------------------------------------------------------------------


def test_any_file_is_a_text_or_refused(folder):
    accepted = 0

    @hostile
    @given(files(st.lists(words, max_size=12).map("\n".join)), st.booleans())
    def check(content: bytes, lower: bool) -> None:
        nonlocal accepted
        path = put(folder, content)
        corpus = refused(lambda: text.read_files([path], lower=lower), path)
        if corpus is not None:
            accepted += 1
            assert len(corpus.alphabet) >= 2
            assert not {"\0", "\r"} & set(corpus.alphabet)
            assert corpus.ids.min() == 0
            assert corpus.ids.max() == len(corpus.alphabet) - 1
            assert corpus.digest == text.read_files([path], lower=lower).digest

    check()
    assert accepted > 20


@hostile
@given(st.binary(max_size=400), magic)
def test_any_bytes_are_a_text_or_refused(folder, content, begin):
    path = put(folder, begin + content)
    corpus = refused(lambda: text.read_files([path], lower=False), path)
    if corpus is not None:  # then Python's own codecs read the same
        decoded = TextTokenizer(corpus.alphabet).decode(corpus.ids.tolist())
        readings = set()
        for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
            with contextlib.suppress(UnicodeError):
                read = io.TextIOWrapper(io.BytesIO(begin + content), encoding).read()
                readings.add(unicodedata.normalize("NFC", read.rstrip(textfile.END_OF_FILE)))
        assert decoded in readings


def is_text(content: str) -> bool:
    return all(unicodedata.category(c) not in ("Cc", "Cs", "Cn", "Co") or c == "\n" for c in content)


some_texts = st.lists(st.one_of(plain_words, st.text(letters, max_size=20)), min_size=1, max_size=8).map("\n".join)


@hostile
@given(some_texts.filter(is_text), st.sampled_from(UNICODE), st.sampled_from(PACKERS), st.sampled_from(ENDS))
def test_texts_in_unicode_come_back_exactly(folder, content, encoding, pack, ends):
    content = f"A word\n{content}"  # ASCII shows which, where there is no mark
    path = put(folder, pack(content.replace("\n", ends).encode(encoding)))
    corpus = text.read_files([path], lower=False)
    assert TextTokenizer(corpus.alphabet).decode(corpus.ids.tolist()) == unicodedata.normalize("NFC", content)


@hostile
@given(st.text(st.sampled_from("éèüßñÁλόγοςЖжшя漢字かな"), min_size=8, max_size=40), st.sampled_from(LEGACY))
def test_texts_in_other_encodings_are_never_misread(folder, content, encoding):
    encoded = b"A word\n" + content.encode(encoding, "ignore")
    path = put(folder, encoded)
    corpus = refused(lambda: text.read_files([path], lower=False), path)
    if corpus is not None:
        assert TextTokenizer(corpus.alphabet).decode(corpus.ids.tolist()) == encoded.decode("utf-8")


names = st.text(st.one_of(st.sampled_from("ab._~ \n[é\udce9\x1b"), letters), min_size=1, max_size=8)


@hostile
@given(st.dictionaries(names, files(words), max_size=5), st.booleans())
def test_any_folder_is_texts_or_refused(content, lower):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = 0
        for number, (file, data) in enumerate(content.items()):
            with contextlib.suppress(OSError, ValueError):  # no name for a file here
                put(folder, data, f"{file}{('.txt', '.TXT', '.md', '.txt.gz')[number % 4]}")
                written += 1
        corpus = refused(lambda: text.read_folder(folder, lower=lower), folder)
        if corpus is not None:
            assert corpus.ids.max() == len(corpus.alphabet) - 1
            assert len(corpus.skipped) < written


@hostile
@given(st.one_of(names, st.text(st.characters(), max_size=300), st.just("x" * 5000)))
def test_any_name_is_found_or_refused(name):
    for load in (
        lambda: text.load(f"no-such/{name}", lower=True),
        lambda: sentence_pairs.load(f"no-such/{name}", None, reverse=False),
    ):
        with pytest.raises(NnlabError):
            load()


# ---- sentence pairs ----------------------------------------------------------------------------------

WORDS = ("one", "two", "three", "été", "λόγος", "Привет", "漢字", "It's", "“so”!", "R&D")
prose = st.lists(st.sampled_from(WORDS), min_size=2, max_size=6).map(" ".join)
numbers = st.integers(0, 10**7).map(str)
codes = st.sampled_from(("eng", "fra", "cmn", "el"))
html = st.sampled_from(
    ("<b>word</b>", "a&nbsp;b", "x<br>y", "[sound:a.mp3]", '<img src="p">', "&#39;s", "{{c1::x::y}}")
)
quoted = plain_words.map(lambda word: f'"{word}""{word}"')
fields = st.one_of(words, prose, numbers, codes, html, quoted, st.just(""), st.just("CC-BY 2.0"))
heads = st.sampled_from(
    ("", "", "", "#separator:tab\n", "#separator:;\n#html:true\n", '#separator:"\n', "#tags column:9\n")
)


@st.composite
def pair_texts(draw: st.DrawFn) -> str:
    """Rows of columns of some kind each, with lines that are like no other."""
    kinds = draw(st.lists(st.sampled_from((words, prose, numbers, codes, html, quoted)), max_size=1))
    kinds += draw(st.sampled_from(([prose, prose], [prose, prose], [prose, numbers, prose], [prose], [words, words])))
    separator = draw(st.sampled_from(("\t", "\t", "\t", "\t", ";", ",", "  ")))
    count = draw(st.sampled_from((40, 30, 25, 20, 19, 0)))
    rows = [separator.join(draw(kind).replace("\0", "") for kind in kinds) for _ in range(count)]
    odd = draw(st.lists(st.lists(fields, max_size=4).map("\t".join), max_size=4))
    return draw(heads) + draw(st.sampled_from(ENDS)).join([*rows, *odd])


def test_any_file_is_pairs_or_refused(folder):
    accepted = 0

    @hostile
    @given(files(pair_texts()))
    def check(content: bytes) -> None:
        nonlocal accepted
        path = put(folder, content)
        pairs = refused(lambda: sentence_pairs.read_file(path), path)
        if pairs is None:
            return
        accepted += 1
        assert len(pairs) >= LEAST
        both = list(zip(pairs.sources, pairs.targets, strict=True))
        assert len(set(both)) == len(both)
        for sentence in (*pairs.sources, *pairs.targets):
            assert 0 < len(sentence) <= LONGEST
            assert sentence == " ".join(sentence.split())
            assert "\0" not in sentence
            assert "[sound:" not in sentence
        assert all(any(map(str.isalpha, a)) == any(map(str.isalpha, b)) for a, b in both)

    check()
    assert accepted > 5


def test_pairs_that_are_read_can_be_split_and_encoded(folder):
    """What training does with them: on the least that is accepted as on any other."""
    accepted = 0

    @hostile
    @given(files(pair_texts()), st.sampled_from((0, 40)))
    def check(content: bytes, vocab_size: int) -> None:
        nonlocal accepted
        path = put(folder, content)
        try:
            parts = sentence_pairs.split(sentence_pairs.read_file(path), 0.1, 0.2, 0)
            source, target = fit_tokenizers(parts.training, vocab_size)
        except InputError:
            return
        accepted += 1
        for pairs, seed in ((parts.training, 1), (sentence_pairs.pairs_of(parts.test), None)):
            encoded = encode(pairs, source, target, seed)
            batches = bucket_by_length(encoded.lengths, 8, np.random.default_rng(0))
            assert sum(map(len, batches)) == len(pairs)
            inputs, following = encoded.batch(batches[0], left=True, compiled_for=8)
            assert inputs["source"].max() < len(source)
            assert following.max() < len(target)

    check()
    assert accepted > 5


def csv_file(rows, quoting) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter="\t", quoting=quoting, lineterminator="\n").writerows(rows)
    return written.getvalue()


broken = st.lists(st.sampled_from((*WORDS, '"so"', "Yes,", "\n")), max_size=4).map(" ".join)  # at most 9 lines a row
sides = st.tuples(broken, broken)


@hostile
@given(
    st.lists(sides, min_size=20, max_size=60),
    st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_MINIMAL)),
    st.sampled_from(ENDS),
)
def test_what_programs_write_in_quotation_marks_comes_back(folder, both, quoting, ends):
    rows = [(f"Row {number} {source}", f"Ligne {number} {target}") for number, (source, target) in enumerate(both)]
    pairs = sentence_pairs.read_file(put(folder, csv_file(rows, quoting).replace("\n", ends).encode()))
    read = list(zip(pairs.sources, pairs.targets, strict=True))
    assert read == [tuple(" ".join(side.split()) for side in row) for row in rows]


@hostile
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_MINIMAL)))
def test_a_quotation_mark_too_many_or_too_few_costs_no_row_but_its_own(folder, place, more, quoting):
    rows = [(f'Row "{number}", so.', f"Ligne {number}.") for number in range(110)]
    content = csv_file(rows, quoting)
    marks = [at for at, character in enumerate(content) if character == '"']
    at = place % len(content) if more else marks[place % len(marks)]
    content = f'{content[:at]}"{content[at:]}' if more else content[:at] + content[at + 1 :]
    pairs = sentence_pairs.read_file(put(folder, content.encode()))
    damaged = content[:at].count("\n")
    read = [pair for pair in zip(pairs.sources, pairs.targets, strict=True) if f" {damaged}" not in pair[1]]
    assert read == [row for row in rows if f" {damaged}" not in row[1]]
    assert len(pairs) + len(pairs.skipped) == len(rows)


# ---- sums --------------------------------------------------------------------------------------------

operands = st.one_of(st.integers(0, 120).map(str), st.integers(0, 10**120).map(str), st.just("0" * 5000 + "1"))
signs = st.sampled_from(["+", "+", "+", " + ", "-", "*", "×", "−", "=", ""])
typed = st.tuples(operands, signs, operands, st.sampled_from(["", "=", "=5", "=x"])).map("".join)
questions = st.one_of(words, typed)
good_questions = st.tuples(st.integers(0, 999), st.integers(0, 999)).map(lambda pair: f"{pair[0]} + {pair[1]}")


def test_any_file_is_sums_or_refused(folder):
    accepted = 0
    good = st.lists(good_questions, min_size=15, max_size=40)
    odd = st.lists(st.one_of(good_questions, questions), max_size=3)
    lines = st.tuples(good, odd).map(lambda parts: [*parts[0], *parts[1]])

    @hostile
    @given(files(lines.map("\n".join)), st.sampled_from((9, 100)))
    def check(content: bytes, digits: int) -> None:
        nonlocal accepted
        path = put(folder, content)
        sums = refused(lambda: sum_files.read_file(path, "add", digits, None), path)
        if sums is not None:
            accepted += 1
            pairs = list(zip(sums.left.tolist(), sums.right.tolist(), strict=True))
            assert all(len(str(operand)) <= digits for pair in pairs for operand in pair)
            assert sums.answer.tolist() == [a + b for a, b in pairs]

    check()
    assert accepted > 5


@hostile
@given(st.lists(st.tuples(st.integers(0, 10**100 - 1), st.integers(0, 10**100 - 1)), min_size=20, max_size=30))
def test_sums_of_a_file_are_those_that_were_written(folder, pairs):
    path = put(folder, "".join(f"{a}-{b}={a - b}\n" for a, b in pairs).encode())
    kept: dict[tuple[int, int], tuple[int, int]] = {}
    for a, b in pairs:
        kept.setdefault((min(a, b), max(a, b)), (a, b))
    sums = refused(lambda: sum_files.read_file(path, "sub", 100, None), path)
    assert (sums is None) == (len(kept) < 20)
    if sums is not None:
        assert list(zip(sums.left.tolist(), sums.right.tolist(), strict=True)) == list(kept.values())
        answers = [str(a - b) for a, b in kept.values()]
        assert list(map(str, sums.answer.tolist())) == answers
        ids = arithmetic.number_ids(sums.answer, 101)
        assert [string.strip()[::-1] for string in arithmetic.to_strings(ids, "sub")] == answers


@hostile
@given(st.one_of(questions, good_questions), st.sampled_from(["add", "sub", "mul"]))
def test_any_question_is_read_or_refused(question, op):
    try:
        operands = arithmetic.parse(question, op, 9)
    except InputError as raised:
        error = raised
    else:
        assert all(operand.isdigit() and operand.isascii() and len(operand) <= 9 for operand in operands)
        return
    assert len(error.message) < 200


# ---- records of a stranger ---------------------------------------------------------------------------

plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
values = st.one_of(plain, st.lists(plain, max_size=3), st.dictionaries(st.text(max_size=5), plain, max_size=3))
known = {"characters": values, "lower": values, "subword_model": values}


@hostile
@given(st.one_of(values, st.fixed_dictionaries({}, optional=known)))
def test_any_record_is_a_tokenizer_or_refused(record):
    for read in (TextTokenizer.from_json, tokenizer_from_json):
        with contextlib.suppress(InputError):
            tokenizer = read(record)
            assert tokenizer.decode(tokenizer.encode("ab")) in ("", "a", "b", "ab")
