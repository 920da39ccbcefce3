"""Sentence pairs: what is read of files of any origin, what is named, and no source on both sides of the split."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess

import numpy as np
import pytest

from nnlab.data.pairs import sentence_pairs
from nnlab.data.pairs.rows import normalize
from nnlab.data.pairs.sentence_pairs import Pairs, pairs_of
from nnlab.data.texts import textfile
from nnlab.errors import InputError, UsageError

NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
WORDS = [*NUMBERS.split(), "eighteen", "nineteen", "twenty", *(f"twenty {word}" for word in NUMBERS.split()[:9])]
ENGLISH = [f"We have {word} words." for word in WORDS]
FRENCH = [f"Là, nous avons « {word} » mots." for word in WORDS]
GREEK = [f"Έχουμε {chr(0x3B1 + number % 24)}{chr(0x3B1 + number // 24)} λέξεις." for number in range(len(WORDS))]
GOOD = [f"{left}\t{right}" for left, right in zip(ENGLISH, FRENCH, strict=True)]
COUNT = len(GOOD)


def write(tmp_path, lines, end="\n", name="pairs.txt"):
    path = tmp_path / name
    path.write_bytes((end.join(lines) + end).encode() if not isinstance(lines, bytes) else lines)
    return path


def read(tmp_path, lines):
    return sentence_pairs.read_file(write(tmp_path, lines))


def assert_plain(pairs, notes=()):
    assert pairs.sources == ENGLISH
    assert pairs.targets == FRENCH
    assert pairs.skipped == ()
    assert pairs.notes == tuple(notes)


def told_columns(which):
    return f"columns {which} are read as the sentences, as {ENGLISH[0]!r} → {FRENCH[0]!r}"


# ---- plain files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_two_or_three_columns_bom_and_blank_lines(tmp_path, end):
    lines = ["\ufeff" + GOOD[0], *GOOD[1:10], "", *(line + "\tCC-BY 2.0 (France) #1" for line in GOOD[10:]), "  "]
    assert_plain(sentence_pairs.read_file(write(tmp_path, lines, end)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_other_encodings_and_compression_are_the_same_pairs(tmp_path, encoding):
    content = ("\r\n".join(GOOD)).encode(encoding)
    note = ["read as UTF-16"] if encoding.startswith("utf-16") else []
    assert_plain(read(tmp_path, content), note)
    again = read(tmp_path, gzip.compress(content))
    assert (again.sources, again.targets) == (ENGLISH, FRENCH)
    assert again.digest == read(tmp_path, GOOD).digest


def test_lines_that_cannot_be_used_are_named(tmp_path):
    lines = [*GOOD, "no tab", "\tno source", "long\t" + "x" * 5000, GOOD[3], "1282\tThe house", "Yes.\t4711"]
    pairs = read(tmp_path, lines)
    assert len(pairs) == COUNT
    assert [line.split(":")[0] for line in pairs.skipped] == [f"line {COUNT + n}" for n in (1, 2, 3, 5, 6)]
    assert pairs.skipped[:2] == (
        f"line {COUNT + 1}: expected two columns with a tab between them",
        f"line {COUNT + 2}: column 1 is empty",
    )
    assert "5,000 characters, at most 400" in pairs.skipped[2]
    assert "one of them has no letter ('1282')" in pairs.skipped[3]
    assert pairs.notes == ("1 line that repeats another was dropped",)


def test_an_empty_translation_is_called_empty(tmp_path):
    lines = [line if number % 2 else line.replace("\t", "\t\t\t") for number, line in enumerate(GOOD * 2)]
    lines = [f"{line.split(chr(9))[0]} {number}\t{line.partition(chr(9))[2]}" for number, line in enumerate(lines)]
    pairs = read(tmp_path, [*lines, "Go.\t", "12"])
    assert len(pairs) == COUNT
    assert pairs.skipped[0] == "line 1: column 2 is empty"
    assert pairs.skipped[-2:] == (
        f"line {2 * COUNT + 1}: column 2 is empty",
        f"line {2 * COUNT + 2}: expected two columns with a tab between them",
    )
    with pytest.raises(InputError, match=r"found 1 \(1 line skipped\); line 2: column 2 is empty"):
        read(tmp_path, ["Go.\tVa.", "Go on.\t"])


@pytest.mark.parametrize("mark", "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
def test_marks_of_direction_make_no_other_sentence(mark):
    for marked in (f"{mark}Go on.", f"Go on.{mark}", f"Go {mark}on.", f"Go{mark} on.", f"Go {mark} on."):
        assert normalize(marked) == "Go on."


def test_sentences_are_normalized():
    assert normalize("  cafe\u0301\u00a0 au\tlait \u2581") == "café au lait"


def test_lost_characters_are_told(tmp_path):
    pairs = read(tmp_path, [*GOOD, "Coffee.\tCaf\ufffd."])
    assert len(pairs) == COUNT + 1
    assert [note.split(":")[0] for note in pairs.notes] == [f"1 character is lost (U+FFFD), in line {COUNT + 1}"]


def test_numbers_on_both_sides_are_a_pair(tmp_path):
    assert read(tmp_path, [*GOOD, "1984\t1 984"]).targets[-1] == "1 984"


def test_the_digest_is_of_the_pairs_as_read(tmp_path):
    pairs = sentence_pairs.load(str(write(tmp_path, GOOD)), 20, reverse=True)
    expected = "".join(f"{right}\t{left}\n" for left, right in zip(ENGLISH[:20], FRENCH[:20], strict=True))
    assert pairs.digest == hashlib.sha256(expected.encode()).hexdigest()
    assert pairs.size == (tmp_path / "pairs.txt").stat().st_size


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([GOOD[0]] * 40, r"found 1 \(0 lines skipped, 39 repeated\)"),
        (["a\t" + "y" * 5000] * 40, "5,000 characters, at most 400 are read"),
        (GOOD[:19], "expected at least 20 sentence pairs, found 19"),
        ([], "found 0"),
        (b"a\tb\nca\xe9\tc\n", r"pairs.txt:2: expected UTF-8, byte 3 of the line is 0xe9"),
        (b"a\tb\nca\0\tc\n", r"pairs.txt:2: expected text, byte 3 of the line is NUL"),
    ],
)
def test_what_is_refused(tmp_path, lines, says):
    with pytest.raises(InputError, match=says):
        read(tmp_path, lines)


def test_lines_of_millions_of_characters_are_lines_like_others(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "CHUNK", 1000)
    pairs = read(tmp_path, [*GOOD[:20], "a\t" + "picture" * 100_000, *GOOD[20:]])
    assert pairs.sources == ENGLISH
    assert pairs.skipped == ("line 21: 700,000 characters, at most 400 are read",)


# ---- files of other origin ---------------------------------------------------------------------------


def test_tatoeba_with_ids_in_front(tmp_path):
    lines = [f"{1200 + n}\t{ENGLISH[n]}\t{90 + n}\t{FRENCH[n]}" for n in range(COUNT)]
    assert_plain(read(tmp_path, lines), [told_columns("2 and 4 of 4")])
    lines = [f"{1200 + n}\teng\t{ENGLISH[n]}\t{90 + n}\tfra\t{FRENCH[n]}" for n in range(COUNT)]
    assert_plain(read(tmp_path, lines), [told_columns("3 and 6 of 6")])


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        ([f"{1200 + n}\t{ENGLISH[n]}" for n in range(COUNT)], "column 1 numbers, column 2 sentences"),
        ([f"{1200 + n}\teng\t{ENGLISH[n]}" for n in range(COUNT)], "column 2 language codes, column 3 sentences"),
        ([f"{n}\t{77 + n}" for n in range(COUNT)], "column 1 numbers, column 2 numbers"),
        ([f"s{n:04}\t{ENGLISH[n]}" for n in range(COUNT)], "column 1 ids, column 2 sentences"),
        ([f"{line}\t{'????? ?? ????.'[n % 3 :]}" for n, line in enumerate(ENGLISH)], "2 question marks for letters"),
        ([f"{line}\t♪♫!" for line in ENGLISH], "column 1 sentences, column 2 signs"),
        ([f"{line}\t" for line in ENGLISH], "column 1 sentences, column 2 next to nothing"),
        ([f"{line}\t[sound:{n}.mp3]" for n, line in enumerate(ENGLISH)], "column 2 next to nothing"),
        ([f"{line}\thttps://example.org/{n}" for n, line in enumerate(ENGLISH)], "column 2 links"),
        ([f"{line}\tCC-BY 2.0 (France) Attribution: tatoeba.org #{n}" for n, line in enumerate(ENGLISH)], "attrib"),
    ],
)
def test_columns_that_are_not_two_languages_are_refused(tmp_path, lines, held):
    with pytest.raises(InputError, match=f"expected two columns of sentences, the file holds: .*{held}"):
        read(tmp_path, lines)


@pytest.mark.parametrize(
    "made", ["s{0:04}", "{0:08x}7", "{0}-A", "9f1c{0:04x}-5d2e-4b7a-8c11-0a1b2c3d4e5f", "tr_{0:03}.b"]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_ids_of_letters_and_digits_are_no_sentences(tmp_path, made, place):
    rows = [line.split("\t") for line in GOOD]
    for number, row in enumerate(rows):
        row.insert(place, made.format(number))
    both = [column + 1 for column in range(3) if column != place]
    notes = [] if place == 2 else [told_columns(f"{both[0]} and {both[1]} of 3")]
    assert_plain(read(tmp_path, ["\t".join(row) for row in rows]), notes)


def test_words_with_digits_on_both_sides_are_read(tmp_path):
    assert len(read(tmp_path, [f"s{number}\tt{number}" for number in range(40)])) == 40


def test_chinese_sentences_with_numbers_are_no_ids(tmp_path):
    pairs = read(tmp_path, [f"他有{number}本书。\tHe has {number} books." for number in range(40)])
    assert (len(pairs), pairs.notes) == (40, ())


def test_the_row_that_is_shown_has_nothing_that_moves_the_cursor(tmp_path):
    lines = [f"deck\tGo [bold]{'x' * 70}\x1b[2J\t\x1b[31mVa !\tx", *(f"deck\t{line}\tx" for line in GOOD)]
    [note] = read(tmp_path, lines).notes
    assert note.endswith(rf"as 'Go [bold]{'x' * 50}…' → '\x1b[31mVa !'")


def test_letters_that_became_question_marks_have_another_next_step(tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path, [f"{line}\t????? ?? ????" for line in ENGLISH])
    assert caught.value.hint.startswith("Its letters were lost when it was saved")


@pytest.mark.parametrize(
    ("lost", "told"), [("???? ??, Tom", True), ("?? {}?", True), ("What?? No, {}!??", False), ("Quoi, {} ??", False)]
)
def test_words_of_question_marks_among_others_are_told(tmp_path, lost, told):
    lines = [f"{line}\t{lost.format(WORDS[n])}" for n, line in enumerate(ENGLISH)]
    notes = [note for note in read(tmp_path, [*lines, *GOOD]).notes if "is it a placeholder" not in note]
    said = f"{COUNT} of the first {2 * COUNT} rows have words of question marks in column 2: if their letters were lost"
    assert [note.startswith(said) for note in notes] == ([True] if told else [])


def test_one_language_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="columns 1 and 2 hold the same sentences"):
        read(tmp_path, [f"{line}\t{line}" for line in ENGLISH])


def test_short_words_of_two_languages_are_no_language_codes(tmp_path):
    words = ["go", "run", "sun", "sea", "day", "one", "two", "red", "dog", "cat", "cow", "pig", "sky", "air", "ice"]
    words += ["eye", "ear", "arm", "leg", "lip", "hat", "bed", "box", "key", "map"]
    lines = [f"{word}\t{word[::-1]}" for word in words]
    assert read(tmp_path, lines).sources == words


def test_a_deck_and_a_third_language(tmp_path):
    lines = [f"My deck\t{GOOD[n]}\tmarked leech" for n in range(COUNT)]
    assert_plain(read(tmp_path, lines), [told_columns("2 and 3 of 4")])
    lines = [f"{GOOD[n]}\t{GREEK[n]}" for n in range(COUNT)]
    assert_plain(read(tmp_path, lines), [told_columns("1 and 2 of 3")])


def test_anki_headers_quotes_and_columns(tmp_path):
    head = ["#separator:tab", "#html:true", "#guid column:1", "#tags column:4"]
    lines = [f'k,$8f>{WORDS[n]}\t"{ENGLISH[n]}"\t{FRENCH[n]}\ttag{WORDS[n]}' for n in range(COUNT)]
    assert_plain(read(tmp_path, [*head, *lines]), [told_columns("2 and 3 of 4")])
    head = ["#separator:Semicolon", "#html:false", "#columns:Front;Back"]
    lines = [f'"{ENGLISH[n]}";"{FRENCH[n]}"' for n in range(COUNT)]
    assert_plain(read(tmp_path, [*head, *lines]))
    pairs = read(tmp_path, [*head, *lines, '"never closed;x'])
    assert pairs.skipped == (f"line {COUNT + 4}: a quotation mark is not closed",)


def test_html_sounds_and_clozes_are_taken_out(tmp_path):
    lines = [
        *GOOD,
        "<b>Hello</b>,&nbsp;Tom &amp;amp; Bo!<br>Go on.\t[sound:b.mp3]<div>Bonjour,</div><div>Tom &lt;3&#33;</div>",
        '<img src="a.jpg">\t<i></i>',
        "{{c1::Berlin::city}} is big.\t<ruby>漢<rt>かん</rt></ruby> est grand.",
        "a < b and c > d, R&D; x\tI <3 you",
    ]
    pairs = read(tmp_path, lines)
    assert pairs.sources[COUNT:] == ["Hello, Tom & Bo! Go on.", "Berlin is big.", "a < b and c > d, R&D; x"]
    assert pairs.targets[COUNT:] == ["Bonjour, Tom <3!", "漢 est grand.", "I <3 you"]
    assert len(pairs.skipped) == 1
    assert pairs.notes == ("HTML, sounds and the like were taken out of 3 lines",)


def test_fields_that_excel_quoted(tmp_path):
    lines = [f'"{ENGLISH[n]}"\t{FRENCH[n]}' if n % 2 else GOOD[n] for n in range(COUNT)]
    lines.append('"He said ""go"", and went."\tIl est parti.')
    pairs = read(tmp_path, lines)
    assert pairs.sources == [*ENGLISH, 'He said "go", and went.']


def test_quotation_marks_of_sentences_stay(tmp_path):
    own = ['"Who is it?"\t« Qui est-ce ? »', '"Go," he said.\tIl a dit : "Va."', '"A" or "B"?\t"A" ou "B" ?']
    pairs = read(tmp_path, [*GOOD, *own])
    assert [f"{a}\t{b}" for a, b in zip(pairs.sources[COUNT:], pairs.targets[COUNT:], strict=True)] == own


def test_a_line_that_names_the_columns_is_no_pair(tmp_path):
    assert_plain(read(tmp_path, ["English\tFrench", *GOOD]), ["the first line names the columns"])
    assert read(tmp_path, ["Hello.\tFrench", *GOOD]).sources[0] == "Hello."


def test_swapped_lines_are_named_where_scripts_tell(tmp_path):
    lines = [f"{left}\t{right}" for left, right in zip(ENGLISH, GREEK, strict=True)]
    pairs = read(tmp_path, [*lines, "Καλημέρα, Τομ.\tGood morning, Tom.", "Tom!\tTom!"])
    assert pairs.skipped == (f"line {COUNT + 1}: its two languages are swapped",)
    assert pairs.sources == [*ENGLISH, "Tom!"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<!DOCTYPE html>\n" + "<p>404</p>\n" * 40, "it is an HTML page"),
        ('<?xml version="1.0"?>\n' + "<tu/>\n" * 40, "it is XML"),
        ('{"en": "Hello"}\n' * 40, "it is JSON"),
        ('[["Hello.", "Bonjour."]]', "it is JSON"),
        ("[\n\t{\n" + '\t\t"en": "Hello."\n' * 40, "it is JSON"),
        ('[{"en": "Hello."}]\n' * 40, "it is JSON"),
        (
            '<?xml version="1.0"?><xliff>\n' + "\t\t<source>Hello.</source>\n\t\t<target>Va.</target>\n" * 40,
            "it is XML",
        ),
        ('<?xml version="1.0"?>\n' + "\t<source>Hello.</source>\t<target>Va.</target>\n" * 40, "it is XML"),
        ("<source>Hello.</source>\t<target>Va.</target>\n" * 40, "it is XML"),
        ("<html>\n" + "\t<td>Hello.</td>\t<td>Bonjour.</td>\n" * 40, "it is an HTML page"),
        ("[Music] Hello.\n" * 40, "expected two columns with a tab between them, it has one"),
        ('#: a.c:1\nmsgid "Hello, you."\nmsgstr "Bonjour, toi."\n\n' * 9, "it is a catalogue of gettext"),
        ("Hello.\n" * 40, "expected two columns with a tab between them, it has one"),
        ("Hello.    Bonjour.\n" * 40, "expected two columns with a tab between them, it has one"),
    ],
)
def test_files_without_tabs_are_named(tmp_path, content, says):
    with pytest.raises(InputError, match=says):
        read(tmp_path, content.encode())


XLIFF = "\t<trans-unit id='1'>\n\t\t<source xml:lang='en'>{}</source>\n\t\t<target>{}</target>\n\t</trans-unit>\n"
TMX = '\t<tu>\n\t\t<tuv xml:lang="en"><seg>{}</seg></tuv>\n\t\t<tuv xml:lang="fr"><seg>{}</seg></tuv>\n\t</tu>\n'
BARE = "<source>{}</source>\t<target>{}</target>\n"


@pytest.mark.parametrize(
    ("unit", "single"),
    [(XLIFF, "<trans-unit><source>New.</source></trans-unit>"), (TMX, "<tu><seg>New.</seg></tu>"), (BARE, "")],
)
def test_the_advice_for_units_of_xml_makes_pairs_of_them(tmp_path, unit, single):
    sides = zip([f"<g id='1'>{line}</g>" for line in ENGLISH], FRENCH, strict=True)
    units = [unit.format(*pair) for pair in sides]
    with pytest.raises(InputError, match="it is XML") as caught:
        read(tmp_path, ["".join([*units[:9], single, *units[9:]])])
    if not shutil.which("python3"):
        pytest.skip("no python3 on this machine")
    subprocess.run(["sh", "-c", caught.value.hint.partition(": ")[2]], cwd=tmp_path, check=True)
    assert_plain(sentence_pairs.read_file(tmp_path / "NEW"))


@pytest.mark.parametrize(
    "names",
    ["Anglais\tFrançais", "English text\tFrench text", "sentence_en\tsentence_fr", "English sentence\tTranslation"],
)
def test_names_of_columns_are_no_pair(tmp_path, names):
    assert_plain(read(tmp_path, [names, *GOOD]), ["the first line names the columns"])
    comment = "the first line is a comment, as '# made 2024\\tby me'"
    assert_plain(read(tmp_path, ["# made 2024\tby me", *GOOD]), [comment])
    both = f"{comment}; the next line names the columns"
    assert_plain(read(tmp_path, ["# made 2024\tby me", names, *GOOD]), [both])


@pytest.mark.parametrize(
    "pair", ["Answer it.\tRépondez.", "English friend\tAmi anglais", "# is a sign.\t# est un signe.", "It is.\tOui."]
)
def test_first_pairs_that_look_like_names_are_pairs(tmp_path, pair):
    pairs = read(tmp_path, [pair, *GOOD])
    assert (f"{pairs.sources[0]}\t{pairs.targets[0]}", pairs.notes) == (pair, ())


def test_where_all_rows_look_like_comments_they_are_pairs(tmp_path):
    pairs = read(tmp_path, [f"# {line}" for line in GOOD])
    assert (pairs.sources, pairs.targets, pairs.notes) == ([f"# {line}" for line in ENGLISH], FRENCH, ())


def test_tags_in_sentences_are_no_xml(tmp_path):
    assert len(read(tmp_path, [f"<fr> {line}" for line in GOOD])) == COUNT
    assert (
        read(tmp_path, ["<div><b>{}</b></div>\t<i>{}</i>".format(*line.split("\t")) for line in GOOD]).targets == FRENCH
    )


@pytest.mark.parametrize("separator", [";", ","])
def test_the_advice_for_csv_makes_pairs_of_it(tmp_path, separator):
    lines = [f'"{ENGLISH[n]}"{separator}"{FRENCH[n]}"' for n in range(COUNT)]
    with pytest.raises(InputError, match="expected tabs between the columns, it has") as caught:
        read(tmp_path, lines)
    if not shutil.which("python3"):
        pytest.skip("no python3 on this machine")
    subprocess.run(["sh", "-c", caught.value.hint.partition(": ")[2]], cwd=tmp_path, check=True)
    assert_plain(sentence_pairs.read_file(tmp_path / "NEW"))


def test_the_advice_for_two_files_makes_pairs_of_them(tmp_path):
    (tmp_path / "b.fr").write_text("\n".join(FRENCH) + "\n")
    with pytest.raises(InputError) as caught:
        sentence_pairs.read_file(write(tmp_path, ENGLISH, name="it's.en"))
    command = caught.value.hint.partition(": ")[2].partition(";")[0].replace("OTHER", "b.fr")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert_plain(sentence_pairs.read_file(tmp_path / "NEW"))


@pytest.mark.parametrize("between", ["", "\n"])
@pytest.mark.parametrize("targets", [FRENCH, GREEK])
def test_the_advice_for_lines_that_alternate_makes_pairs_of_them(tmp_path, targets, between):
    both = zip(ENGLISH, targets, strict=True)
    path = write(tmp_path, [f"{source}\r\n{target}\r{between}" for source, target in both], name="it's.txt")
    with pytest.raises(InputError) as caught:
        sentence_pairs.read_file(path)
    assert caught.value.hint.startswith("Its lines alternate" if targets == GREEK else "If the other language")
    subprocess.run(["sh", "-c", caught.value.hint.rpartition(": ")[2]], cwd=tmp_path, check=True)
    pairs = sentence_pairs.read_file(tmp_path / "NEW")
    assert (pairs.sources, pairs.targets) == (ENGLISH, targets)


def test_the_advice_for_a_catalogue_of_gettext_makes_pairs_of_it(tmp_path):
    head = ["# A catalogue", 'msgid ""', 'msgstr ""', '"Language: fr\\n"', ""]
    entries = [f'#: a.c:1\nmsgid "{ENGLISH[n]}"\nmsgstr "{FRENCH[n]}"\n' for n in range(COUNT)]
    with pytest.raises(InputError) as caught:
        sentence_pairs.read_file(write(tmp_path, [*head, *entries, 'msgid "No."\nmsgstr ""'], name="it's.po"))
    if not shutil.which("python3"):
        pytest.skip("no python3 on this machine")
    subprocess.run(["sh", "-c", caught.value.hint.partition(": ")[2]], cwd=tmp_path, check=True)
    assert_plain(sentence_pairs.read_file(tmp_path / "NEW"))


def test_the_ruler_of_a_table_of_markdown_is_no_pair(tmp_path):
    rows = [f"| {ENGLISH[n]} | {FRENCH[n]} |" for n in range(COUNT)]
    with pytest.raises(InputError, match="expected tabs between the columns, it has bars") as caught:
        read(tmp_path, ["| English | French |", "| :--- | ---: |", *rows])
    if not shutil.which("python3"):
        pytest.skip("no python3 on this machine")
    subprocess.run(["sh", "-c", caught.value.hint.partition(": ")[2]], cwd=tmp_path, check=True)
    pairs = sentence_pairs.read_file(tmp_path / "NEW")
    assert (pairs.sources, pairs.targets) == (ENGLISH, FRENCH)
    assert pairs.skipped == ("line 2: it is a ruler of a table",)


# ---- asking for them ---------------------------------------------------------------------------------


def test_samples_beyond_the_file(tmp_path):
    with pytest.raises(UsageError, match=rf"expected at most {COUNT} --samples.*got {COUNT + 1}"):
        sentence_pairs.load(str(write(tmp_path, GOOD)), COUNT + 1, reverse=False)
    assert sentence_pairs.load(str(write(tmp_path, GOOD)), 25, reverse=True).sources[24] == FRENCH[24]
    assert len(sentence_pairs.load(str(write(tmp_path, GOOD)), None, reverse=False, most=21)) == 21
    assert len(sentence_pairs.load("sample", None, reverse=False, most=100)) == 100


def test_a_name_is_looked_for_in_the_data_folder(tmp_path, monkeypatch):
    (tmp_path / "eng-xyz.txt").write_text("\n".join(GOOD))
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path))
    assert len(sentence_pairs.load("eng-xyz.txt", None, reverse=False)) == COUNT
    for name in ("eng-abc.txt", "", " ", "a\0b", "x" * 5000, "nietzsche"):
        with pytest.raises(UsageError, match=r"there is nothing at"):
            sentence_pairs.load(name, None, reverse=False)
    with pytest.raises(InputError, match="it is a folder"):
        sentence_pairs.load(str(tmp_path), None, reverse=False)


def test_known_pairs(mirror):
    assert sentence_pairs.load(None, None, reverse=False).targets[0].startswith("Έχουμε")
    assert sentence_pairs.load("eng-fra", None, reverse=True).sources[0].startswith("Nous")
    assert sentence_pairs.load("opus:de-en", None, reverse=False).sources[0].startswith("Wir")


# ---- splitting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "validation", "test", "parts"),
    [
        (3, 0.1, 0.1, (1, 1, 1)),
        (2, 0.0, 0.5, (1, 0, 1)),
        (4, 0.9, 0.9, (1, 1, 2)),
        (10, 0.05, 0.01, (8, 1, 1)),
        (40, 0.5, 0.25, (10, 20, 10)),
        (40, 0.9, 0.5, (1, 19, 20)),
    ],
)
def test_each_part_has_one_source_at_least(sources, validation, test, parts):
    few = Pairs([f"s{n}" for n in range(sources)], [f"t{n}" for n in range(sources)], "here")
    found = sentence_pairs.split(few, validation, test, data_seed=0)
    assert (len(found.training), len(found.validation), len(found.test)) == parts


def test_no_source_is_in_two_parts():
    many = Pairs([f"s{n % 40}" for n in range(120)], [f"t{n}" for n in range(120)], "here")
    parts = sentence_pairs.split(many, 0.1, 0.25, data_seed=0)
    assert (len(parts.validation), len(parts.test)) == (4, 10)
    assert all(len(targets) == 3 for part in (parts.validation, parts.test) for targets in part.values())
    assert not {source for source, _ in parts.training} & {*parts.validation, *parts.test}
    assert not set(parts.validation) & set(parts.test)
    others = [*pairs_of(parts.validation), *pairs_of(parts.test)]
    assert sorted([*parts.training, *others]) == sorted(zip(many.sources, many.targets, strict=True))
    assert sentence_pairs.split(many, 0.1, 0.25, data_seed=0) == parts
    assert sentence_pairs.split(many, 0.1, 0.25, data_seed=1) != parts
    for validation in (0.0, 0.5):  # which is no matter of what is tested
        assert sentence_pairs.split(many, validation, 0.25, data_seed=0).test == parts.test
    assert sentence_pairs.split(many, 0, 0.25, data_seed=0).validation == {}


@pytest.mark.parametrize(("validation", "test"), [(0.499, 0.5), (0.0, 0.999), (0.98, 0.01), (0.01, 0.01), (1e-9, 1e-9)])
@pytest.mark.parametrize("sources", [3, 4, 20])
def test_each_part_has_a_source(sources, validation, test):
    few = Pairs([f"s{n % sources}" for n in range(60)], [f"t{n}" for n in range(60)], "here")
    parts = sentence_pairs.split(few, validation, test, data_seed=0)
    assert len(parts.training) > 0
    assert len(parts.test) > 0
    assert (len(parts.validation) > 0) is (validation > 0)


@pytest.mark.parametrize(("sources", "validation"), [(1, 0.0), (1, 0.1), (2, 0.1)])
def test_too_few_sources_are_refused(sources, validation):
    few = Pairs([f"s{n % sources}" for n in range(30)], [f"t{n}" for n in range(30)], "here")
    with pytest.raises(InputError, match=rf"all 30 pairs of here have the same {sources}"):
        sentence_pairs.split(few, validation, 0.2, data_seed=0)


def test_the_first_pairs_of_a_file_sorted_by_length_are_said_to_be_its_shortest(tmp_path):
    lines = [f"{'so ' * (number // 10)}good\tbon {number}\n" for number in range(200)]
    path = tmp_path / "pairs.txt"

    def notes(lines, most, reverse=False):
        path.write_text("".join(lines))
        return sentence_pairs.load(str(path), None, reverse=reverse, most=most).notes

    told = "sorted by length, so its first 100 pairs are its shortest: up to 31 characters"
    assert [note.startswith(told) for note in notes(lines, 100)] == [True]
    assert [note.startswith(told) for note in notes(lines, 100, reverse=True)] == [True]
    assert notes(lines, 200) == notes(lines, None) == ()  # all of it is read
    order = np.random.default_rng(0).permutation(200)
    assert notes([lines[number] for number in order], 100) == ()
    assert notes([f"so good\tbon {number % 10}{number}\n" for number in range(100, 300)], 50) == ()  # all of one length


def test_the_sample():
    pairs = sentence_pairs.sample()
    assert len(pairs) == 720
    assert len(set(pairs.sources)) == 720
    assert "Elle parle à l'école ce soir." in pairs.targets
