"""Quotation marks in files of pairs: a file's own, which programs write around fields, and those of sentences.

The files are written by Python's ``csv.writer``; a dialogue, and damage, by hand.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess

import pytest

from nnlab.data.folders import messages
from nnlab.data.pairs import sentence_pairs
from nnlab.data.pairs.columns import HEAD_LINES
from nnlab.data.pairs.rows import MOST_LINES
from nnlab.errors import InputError

COUNT = 300
ENGLISH = [f"The sun eats river {number}, slowly." for number in range(COUNT)]
FRENCH = [f"Le soleil mange le fleuve {number}." for number in range(COUNT)]
ROWS = list(zip(ENGLISH, FRENCH, strict=True))
ALL_QUOTED = "all fields are in quotation marks, which are read as the file's and not as the sentences'"


def written(rows, quoting=csv.QUOTE_ALL, separator="\t"):
    file = io.StringIO()
    csv.writer(file, delimiter=separator, quoting=quoting, lineterminator="\n").writerows(rows)
    return file.getvalue()


def read(tmp_path, content, **options):
    path = tmp_path / "quoted.tsv"
    path.write_text(content, encoding="utf-8", newline="")
    return sentence_pairs.read_file(path, **options)


def pairs_of(pairs):
    return list(zip(pairs.sources, pairs.targets, strict=True))


# ---- all fields quoted -------------------------------------------------------------------------------


@pytest.mark.parametrize("speech", [False, True])
def test_quotation_marks_around_all_fields_are_the_files(tmp_path, speech):
    rows = [*ROWS, ('"Go," he said.', '"Va", dit-il.'), ('"Who is it?"', '"Qui est-ce ?"')] if speech else ROWS
    pairs = read(tmp_path, written(rows))
    assert pairs_of(pairs) == rows
    assert pairs.notes == (ALL_QUOTED,)
    assert pairs.skipped == ()


def test_numbers_and_names_of_columns_need_no_quotation_marks(tmp_path):
    rows = [(number, *row, "") for number, row in enumerate(ROWS[:40])]
    pairs = read(tmp_path, "id\tEnglish\tFrench\ttags\n" + written(rows, csv.QUOTE_NONNUMERIC))
    assert pairs_of(pairs) == ROWS[:40]
    columns = f"columns 2 and 3 of 4 are read as the sentences, as {ENGLISH[0]!r} → {FRENCH[0]!r}"
    assert pairs.notes == (f"{ALL_QUOTED}; {columns}; the first line names the columns",)


def test_one_damaged_line_in_a_hundred_changes_nothing(tmp_path):
    lines = written(ROWS).splitlines()
    lines[40] = lines[40].removesuffix('"')
    lines[80] = lines[80].removeprefix('"')
    pairs = read(tmp_path, "\n".join(lines))
    assert pairs_of(pairs) == [row for number, row in enumerate(ROWS) if number not in (40, 80)]
    assert pairs.skipped == (
        "line 41: a quotation mark is not closed",
        "line 81: a quotation mark is not closed",
    )


@pytest.mark.parametrize("told", [2, 10, 50])
def test_a_dialogue_keeps_its_quotation_marks(tmp_path, told):
    """Speech in all rows but one in so many, which is narrated."""
    rows = [row if number % told == 1 else tuple(f'"{side}"' for side in row) for number, row in enumerate(ROWS)]
    pairs = read(tmp_path, "".join(f"{source}\t{target}\n" for source, target in rows))
    assert pairs_of(pairs) == rows
    quoted = sum(source.startswith('"') for source, _ in rows)
    assert pairs.notes == (f"{quoted} of the first {COUNT} rows have a field in quotation marks, kept as its own",)


def test_quotation_marks_on_one_side_stay_and_are_told(tmp_path):
    sources = [source.replace(",", "") for source in ENGLISH]
    pairs = read(tmp_path, "".join(f'"{source}"\t{target}\n' for source, target in zip(sources, FRENCH, strict=True)))
    assert pairs.sources == [f'"{source}"' for source in sources]
    assert pairs.notes == (f"{COUNT} of the first {COUNT} rows have a field in quotation marks, kept as its own",)


@pytest.mark.parametrize("bare", [0, 1])
def test_as_excel_writes_it_fields_with_a_comma_are_quoted(tmp_path, bare):
    """As long as no field with a comma goes without."""
    rows = [(source if number % 3 else source.replace(",", ""), target) for number, (source, target) in enumerate(ROWS)]
    lines = [f'"{source}"\t{target}\n' if "," in source else f"{source}\t{target}\n" for source, target in rows]
    pairs = read(tmp_path, "".join([*lines, "One, two\tUn deux\n"][: COUNT + bare]))
    assert (pairs_of(pairs) == rows) == (not bare)
    assert ("just the fields with a comma" in pairs.notes[0]) == (not bare)


def test_a_long_field_in_quotation_marks_is_told_as_long(tmp_path):
    pairs = read(tmp_path, written([*ROWS[:50], ("a" * 200_000, "b"), *ROWS[50:]]))
    assert pairs_of(pairs) == ROWS
    assert pairs.skipped == ("line 51: 200,002 characters, at most 400 are read",)


# ---- rows over several lines -------------------------------------------------------------------------


def broken(row, lines=2):
    """The row, each sentence over so many lines; and as it is to be read."""
    inner = [f"It is part {number}." for number in range(1, lines)]
    return tuple("\n".join([side, *inner]) for side in row), tuple(" ".join([side, *inner]) for side in row)


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("lines", [2, 3, 5])
def test_rows_over_several_lines_are_joined(tmp_path, quoting, lines):
    rows, wanted = zip(*(broken(row, lines) for row in ROWS), strict=True)
    pairs = read(tmp_path, written(rows, quoting))
    assert pairs_of(pairs) == list(wanted)
    assert pairs.skipped == ()
    assert pairs.notes[-1] == "300 rows run over several lines and were joined, with a space for each line break"


@pytest.mark.parametrize("at", [0, 150, COUNT - 1])
def test_one_row_over_several_lines_among_many(tmp_path, at):
    """As Excel saves it: quoted is what has a comma or a line break."""
    row, wanted = broken((ENGLISH[at], FRENCH[at]))
    lines = [f'"{source}"\t{target}\n' for source, target in ROWS]
    pairs = read(tmp_path, "".join([*lines[:at], written([row]), *lines[at + 1 :]]) + "no tab\n")
    assert pairs_of(pairs) == [*ROWS[:at], wanted, *ROWS[at + 1 :]]
    assert pairs.notes == ("1 row runs over several lines and was joined, with a space for each line break",)
    assert pairs.skipped == (f"line {COUNT + 3}: expected two columns with a tab between them",)


def test_a_row_over_several_lines_beyond_those_that_decide(tmp_path):
    rows = [(f"Source {number}.", f"Cible {number}.") for number in range(2 * HEAD_LINES)]
    row, wanted = broken(rows[-9])
    for rest in (rows[-8:], []):
        pairs = read(tmp_path, written([*rows[:-9], row, *rest], csv.QUOTE_MINIMAL))
        assert pairs_of(pairs) == [*rows[:-9], wanted, *rest]
        assert len(pairs.notes) == 1


@pytest.mark.parametrize("before", range(20, 25))
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_the_lines_that_decide_may_end_within_a_row(tmp_path, quoting, before):
    """Within any of its lines; one row is quoted for its comma, as Excel does."""
    rows, wanted = zip(*(broken((f"Source {n}.", f"Cible {n}."), 3) for n in range(HEAD_LINES // 4)), strict=True)
    pairs = read(tmp_path, written(ROWS[:before], quoting) + written(rows, quoting) + '"Yes, Tom."\t"Oui, Tom."\n')
    assert pairs_of(pairs) == [*ROWS[:before], *wanted, ("Yes, Tom.", "Oui, Tom.")]
    assert (pairs.notes[0] == ALL_QUOTED) is (quoting == csv.QUOTE_ALL)
    assert len(read(tmp_path, written(rows), most=50)) == 50


def test_blank_lines_and_marks_in_a_row_over_several_lines(tmp_path):
    row = ('He said:\n\n"Go."\n\nAnd "now".', 'Il a dit :\n"Va."')
    pairs = read(tmp_path, written([*ROWS, row], csv.QUOTE_MINIMAL))
    assert pairs_of(pairs) == [*ROWS, ('He said: "Go." And "now".', 'Il a dit : "Va."')]


def test_anki_files_have_rows_over_several_lines(tmp_path):
    rows, wanted = zip(*map(broken, ROWS), strict=True)
    for separator, name in ((";", "Semicolon"), (",", "Comma"), ("\t", "tab")):
        pairs = read(tmp_path, f"#separator:{name}\n#html:false\n" + written(rows, separator=separator))
        assert pairs_of(pairs) == list(wanted)
        assert len(pairs.notes) == 1


@pytest.mark.parametrize("separator", [";", ","])
def test_csv_with_rows_over_several_lines_is_named_and_converted(tmp_path, separator):
    rows, wanted = zip(*map(broken, ROWS), strict=True)
    with pytest.raises(InputError, match="expected tabs between the columns, it has") as caught:
        read(tmp_path, written(rows, separator=separator))
    assert converted(tmp_path, caught.value) == list(wanted)


def converted(tmp_path, error):
    """The pairs of the file that the hint's command makes."""
    if not shutil.which("python3"):
        pytest.skip("no python3 on this machine")
    subprocess.run(["sh", "-c", error.hint[error.hint.index("python3") :]], cwd=tmp_path, check=True)
    return pairs_of(sentence_pairs.read_file(tmp_path / "NEW"))


# ---- marks that are not closed -----------------------------------------------------------------------


@pytest.mark.parametrize("stray", ['"Stray.\tErrant.', 'Stray.\t"Errant.', '"Stray.\t"Errant.', '"Stray'])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_a_stray_quotation_mark_swallows_no_row(tmp_path, stray, quoting):
    """It costs no pair but its own, though marks are closed below it."""
    rows = [*ROWS[:100], ('"Go," he said.', "Va."), *ROWS[100:]]
    lines = written(rows, quoting).splitlines()
    pairs = read(tmp_path, "\n".join([*lines[:98], stray, *lines[98:]]))
    assert [pair for pair in pairs_of(pairs) if "Stray" not in pair[0]] == rows
    assert not any("joined" in note for note in pairs.notes)
    if quoting == csv.QUOTE_ALL:
        assert [told.split(" within")[0] for told in pairs.skipped] == ["line 99: a quotation mark is not closed"]


def test_speech_over_several_rows_is_not_joined(tmp_path):
    speech = [
        ('"I am here.', '"Je suis là.'),
        ('But I left."', 'Mais je suis parti."'),
        ("He said:", '"Oui.'),
        ('No."', "x"),
    ]
    speech = [*speech, ('"I was here.', "J'étais là."), ('But I am gone."', "Mais je suis parti.")]
    pairs = read(tmp_path, "".join(f"{source}\t{target}\n" for source, target in [*ROWS, *speech]))
    assert pairs_of(pairs) == [*ROWS, *speech]
    assert pairs.notes == ()


@pytest.mark.parametrize("before", [3, HEAD_LINES])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_rows_over_too_many_lines_are_refused_with_the_first(tmp_path, quoting, before):
    short = [(f"Source {number}.", f"Cible {number}.") for number in range(before)]
    rows, wanted = zip(*(broken(row, MOST_LINES + 2) for row in ROWS[:60]), strict=True)
    says = rf"quoted\.tsv:{before + 1}: expected the quotation mark .* closed within 10 lines"
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, written([*short, *rows], quoting))
    assert converted(tmp_path, caught.value) == [*short, *wanted]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_some_rows_over_too_many_lines_are_skipped_by_name(tmp_path, quoting):
    """And nothing is made of their parts."""
    source, target = broken(("Long source.", "Longue cible."), MOST_LINES + 2)[0]
    long = [(source, target), (source, "Courte."), (source, "Courte.\nEt suite."), (f"{source}\n\nThe end.", "Fin.")]
    pairs = read(tmp_path, written([*ROWS[:100], *long, *ROWS[100:]], quoting))
    assert pairs_of(pairs) == ROWS
    told = messages("quoted.tsv", pairs.notes, pairs.skipped)
    assert "quoted.tsv: line 101: a quotation mark is not closed within 10 lines: skipped" in told
    assert not any("joined" in note for note in pairs.notes)


# ---- columns of few values ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("lessons", [1, 6, 25])
def test_names_of_lessons_are_no_sentences(tmp_path, place, lessons):
    rows = [list(row) for row in ROWS]
    for number, row in enumerate(rows):
        row.insert(place, f"Lesson {chr(ord('a') + number % lessons)}")
    pairs = read(tmp_path, "".join("\t".join(row) + "\n" for row in rows))
    assert pairs_of(pairs) == ROWS
    both = [column + 1 for column in range(3) if column != place]
    told = f"columns {both[0]} and {both[1]} of 3 are read as the sentences, as {ENGLISH[0]!r} → {FRENCH[0]!r}"
    assert pairs.notes == (told,)


def test_sources_with_several_translations_stay_beside_a_third_language(tmp_path):
    rows = [(ENGLISH[number // 5], FRENCH[number], f"Die Sonne isst Fluss {number}.") for number in range(COUNT)]
    pairs = read(tmp_path, "".join("\t".join(row) + "\n" for row in rows))
    assert pairs_of(pairs) == [row[:2] for row in rows]
