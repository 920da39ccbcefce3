"""Text that was encoded twice is known by what it was, with a command that gives it back; no other text is."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from nnlab.data.texts.double_encoding import find_double_encoding
from nnlab.data.texts.textfile import open_text

FRENCH = "Où est le café ?\nA plain line.\nDéjà vu, ça va.\n"
RUSSIAN = "Привет, мир!\nкак дела\n"
CASES = [
    (FRENCH, "cp1252", "CP1252", "'OÃ¹' was 'Où'"),
    (RUSSIAN, "latin-1", "ISO-8859-1", "was 'Привет,'"),
    (RUSSIAN.replace("И", "и"), "cp1251", "CP1251", "'РџСЂРёРІРµС‚,' was 'Привет,'"),
    (FRENCH.replace("à", "â"), "mac_roman", "MACINTOSH", "was 'Où'"),
    (FRENCH, "cp850", "CP850", "was 'Où'"),
]


@pytest.mark.parametrize(("text", "codec", "name", "example"), CASES)
@pytest.mark.skipif(not shutil.which("iconv"), reason="no iconv on this machine")
def test_what_was_encoded_twice_comes_back_by_the_command_that_is_told(tmp_path, text, codec, name, example):
    path = tmp_path / "it's a text.txt"
    path.write_bytes(text.encode().decode(codec).encode())
    file = open_text(path)
    found = find_double_encoding(file.lines())
    assert found is not None
    assert found.encoding == name
    note = found.note(file)
    assert example in note
    subprocess.run(["sh", "-c", note.partition("mend it: ")[2]], cwd=tmp_path, check=True)
    assert (tmp_path / "NEW").read_bytes() == text.encode()


def test_what_iconv_cannot_take_back_has_another_command(tmp_path):
    """Windows keeps the bytes that CP1252 does not have; a line that is right would be broken."""
    curly = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in "“Yes” – no".encode())
    path = tmp_path / "a.txt"
    for lines in ([curly], [*(FRENCH * 2).encode().decode("cp1252").split("\n"), "naïve"]):
        path.write_text("\n".join(lines), encoding="utf-8")
        file = open_text(path)
        found = find_double_encoding(file.lines())
        assert found is not None
        assert found.note(file).endswith(f"mend it: ftfy {path} -o NEW")
        assert found.before in (curly.split()[0], "OÃ¹")


@pytest.mark.parametrize(
    "text",
    [
        *(
            FRENCH,
            RUSSIAN,
            "Εν αρχή ην ο Λόγος.",
            "漢字かな",
            "한글",
            "Plain.",
            "",
            "Ã stands for São, Â for Âme.",
            "Â£5",
        ),
        *(
            "ÂME ÃO ÐÑ",
            "Ñandú “sí”",
            "√2 ≤ 3",
            "├──┤ ╔═╗",
            "Tiếng Việt",
            "Çok güzel, şöyle İzmir",
            "naïve\nPrivÃ©\ncafé",
        ),
    ],
)
def test_other_texts_are_as_they_were(text):
    assert find_double_encoding(text.split("\n")) is None
