"""UTF-8 encoded twice: it is told with a word before and after, and the advice gives the text back."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from nnlab.data.pairs import sentence_pairs

ENGLISH = [f"The summer eats river {number}, slowly." for number in range(60)]
FRENCH = [f"L'été mange là-bas le fleuve {number}." for number in range(60)]
POLISH = [f"Zażółć gęślą jaźń {number}." for number in range(60)]
RUSSIAN = [f"Солнце ест реку {number}." for number in range(60)]


def twice(text):
    """As browsers and databases do it: the five bytes that CP1252 leaves out become control characters."""
    content = text.encode()
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in content)


def read(tmp_path, targets, sources=ENGLISH):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{one}\t{two}\n" for one, two in zip(sources, targets, strict=True)), encoding="utf-8")
    return sentence_pairs.read_file(path)


def test_the_advice_gives_the_letters_back(tmp_path):
    pairs = read(tmp_path, [line.encode().decode("cp1252") for line in FRENCH])
    mend = f"iconv -f UTF-8 -t CP1252 {tmp_path}/pairs.tsv > NEW"
    told = 'column 2: it was encoded twice, "L\'Ã©tÃ©" was "L\'été" before it was read as CP1252'
    assert pairs.notes == (f"{told}: get the original, or mend it: {mend}",)
    if not shutil.which("iconv"):
        pytest.skip("no iconv on this machine")
    subprocess.run(["sh", "-c", mend], cwd=tmp_path, check=True)
    again = sentence_pairs.read_file(tmp_path / "NEW")
    assert (again.targets, again.notes) == (FRENCH, ())


@pytest.mark.parametrize("targets", [POLISH, RUSSIAN])
def test_what_cannot_be_mended_is_told_as_well(tmp_path, targets):
    """Control characters that no encoding of Windows has, and a column that is right."""
    notes = read(tmp_path, list(map(twice, targets)), RUSSIAN if targets == POLISH else FRENCH).notes
    [told] = [note for note in notes if "encoded twice" in note]
    assert f"was {targets[0].split()[0]!r}" in told
    assert "iconv" not in told


def test_one_text_in_many_is_not_told(tmp_path):
    assert read(tmp_path, [twice(FRENCH[0]), *FRENCH[1:]]).notes == ()
