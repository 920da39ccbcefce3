"""Users' text files are known by their content: read right, or refused with what they are and advice that works."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import shutil
import subprocess
import zipfile

import pytest

from nnlab.data.texts import textfile
from nnlab.data.texts.textfile import find_path, open_text
from nnlab.errors import InputError

TEXT = "Εν αρχή ην ο Λόγος.\nIn the beginning — café\nend\n"
WESTERN = "Où est le café ? Là-bas, derrière l'église.\n" * 3
GREEK = "Βρες τον Τομ. Είμαι εδώ, στο σπίτι μου.\n" * 3


def put(tmp_path, content: bytes, name="a text.txt"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def read(tmp_path, content: bytes) -> str:
    return "".join(open_text(put(tmp_path, content)).chunks())


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_unicode_of_every_kind_and_line_end_is_one_text(tmp_path, encoding, ends):
    assert read(tmp_path, TEXT.replace("\n", ends).encode(encoding)) == TEXT
    big = b"\xfe\xff" + TEXT.encode("utf-16-be")
    assert read(tmp_path, big) == TEXT


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (gzip.compress, "gzip"),
        (bz2.compress, "bzip2"),
        (lzma.compress, "xz"),
        (lambda content: lzma.compress(content, lzma.FORMAT_ALONE), "lzma"),
    ],
)
def test_compressed_texts_are_unpacked_whatever_their_name(tmp_path, pack, name):
    path = put(tmp_path, pack(TEXT.encode("utf-16")))
    text = open_text(path)
    assert "".join(text.chunks()) == TEXT
    assert text.note == f"read as {name}, UTF-16"
    assert text.size == path.stat().st_size


def test_a_file_named_gz_that_is_not_is_read_as_it_is(tmp_path):
    path = put(tmp_path, TEXT.encode(), "a.txt.gz")
    assert list(open_text(path).lines()) == TEXT.splitlines()
    assert open_text(path).note == ""


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_chunks_may_cut_characters_and_line_ends(tmp_path, monkeypatch, size, encoding):
    monkeypatch.setattr(textfile, "CHUNK", size)
    path = put(tmp_path, TEXT.replace("\n", "\r\n").encode(encoding))
    assert "".join(open_text(path).chunks()) == TEXT
    assert list(open_text(path).lines()) == TEXT.splitlines()


def test_only_line_ends_end_lines(tmp_path):
    content = "one\x0cpage\x0b\x1c\x85\u2028still one\ntwo"
    assert list(open_text(put(tmp_path, content.encode())).lines()) == content.split("\n")


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"good\r\nb\xffd\n", r":2: expected UTF-8, byte 2 of the line is 0xff"),
        (b"a\rb\rcaf\xe9", r":3: expected UTF-8, byte 4 of the line is 0xe9"),
        (b"abc\nde\0f\n", r":2: expected text, byte 3 of the line is NUL"),
        ("Λόγος\nΛ".encode()[:-1], r":2: expected UTF-8, byte 1 of the line is 0xce, and the file ends within"),
        (b"a\nb \xed\xa0\xbd c", r":2: expected UTF-8, byte 3 of the line is 0xed: half a surrogate pair"),
        ("Λόγος\n".encode() * 3 + b"caf\xe9 \n", r":4: expected UTF-8, as the rest of it is, byte 4"),
        (b"\xff\xfea\0\n\0\x3d\xd8b\0", r":2: expected UTF-16, byte \d of the line is 0x.., where no character begins"),
        (TEXT.encode("utf-16")[:-1], r":4: expected UTF-16|:3: expected UTF-16"),
    ],
)
def test_what_is_no_text_has_a_line_and_a_byte(tmp_path, monkeypatch, content, says, size):
    path = put(tmp_path, content)
    monkeypatch.setattr(textfile, "CHUNK", size)
    with pytest.raises(InputError, match=says):
        list(open_text(path).chunks())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (WESTERN, "cp1252"),
        (WESTERN, "mac_roman"),
        (GREEK, "iso8859_7"),
        (GREEK, "cp1253"),
        ("Πρώτη Άνοιξη, ό,τι κι αν γίνει.\n", "iso8859_7"),
        ("Я помню чудное мгновенье, передо мной явилась ты.\n", "koi8_r"),
        ("Я помню чудное мгновенье, передо мной явилась ты.\n", "cp1251"),
        ("吾輩は猫である。名前はまだ無い。\n", "shift_jis"),
        ("It’s a “test” – of £5.\n", "cp1252"),
    ],
)
@pytest.mark.skipif(not shutil.which("iconv"), reason="no iconv on this machine")
def test_the_advice_gives_the_text_back(tmp_path, text, encoding):
    path = put(tmp_path, text.encode(encoding))
    with pytest.raises(InputError) as caught:
        list(open_text(path).chunks())
    command = caught.value.hint.partition(": ")[2]
    assert str(path) in command
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "NEW").read_text(encoding="utf-8") == text
    shown = re.search(r"stands '(.*)'", caught.value.message)
    assert shown
    assert shown[1][:10] in text


@pytest.mark.skipif(not shutil.which("iconv"), reason="no iconv on this machine")
def test_the_advice_unpacks_and_the_one_for_nul_drops_them(tmp_path):
    for content, expected in (
        (gzip.compress(WESTERN.encode("cp1252"), mtime=0), WESTERN),
        (b"a\0b" + b"c" * 20, "abccc"),
    ):
        path = put(tmp_path, content, "it's one.gz")
        with pytest.raises(InputError) as caught:
            list(open_text(path).chunks())
        subprocess.run(["sh", "-c", caught.value.hint.partition(": ")[2]], cwd=tmp_path, check=True)
        assert (tmp_path / "NEW").read_text(encoding="utf-8").startswith(expected)


def docx() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("word/document.xml", "<w:t>Hello</w:t>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (docx(), r"it is a Word document"),
        (docx().replace(b"word/", b"book/"), "it is a zip archive"),
        (b"%PDF-1.7 ...", "it is a PDF"),
        (b"{\\rtf1 hello}", "it is an RTF document"),
        (b"\x89PNG\r\n\x1a\n", r"it is a picture \(PNG\)"),
        (b"\xff\xd8\xff\xe0" + bytes(30), r"it is a picture \(JPEG\)"),
        (b"RIFF\0\0\0\0WAVEfmt ", r"it is a sound \(WAV\)"),
        (b"x" * 257 + b"ustar  \0", "it is a tar archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
        (bytes(range(256)) * 20, "its bytes are something else"),
        (gzip.compress(gzip.compress(b"text", mtime=0), mtime=0), "it is compressed twice"),
        (gzip.compress(TEXT.encode() * 50, mtime=0)[:70], "it is damaged or cannot be read"),
        (b"\x1f\x8b" + bytes(50), "it is damaged or cannot be read"),
        (b"BZh91AY&SY" + bytes(50), "it is damaged or cannot be read"),
        (lzma.compress(TEXT.encode() * 50, lzma.FORMAT_ALONE)[:70], "it is damaged or cannot be read"),
        (b"\x1f\x9d\x90" + bytes(50), r"it is compressed by compress \(\.Z\)"),
        (b"Rar!\x1a\x07\x01\0", "it is a RAR archive"),
        (b"ID3\x04\0\0\0\0\0\0", r"it is a sound \(MP3\)"),
        (b"OggS\0\x02", r"it is a sound \(Ogg\)"),
        (b"FORM\0\0\0\x10AIFFCOMM", r"it is a sound \(AIFF\)"),
        (b"GIF89a\x10\0\x10\0\x80\0\0", r"it is a picture \(GIF\)"),
        (b"BM\x36\0\x0c\0\0\0\0\0\x36\0\0\0", r"it is a picture \(BMP\)"),
        (b"\0\0\0\x18ftypheic", r"a picture \(HEIC\)"),
        (b"MZ\x90\0\x03\0\0\0", r"it is a program \(Windows\)"),
        (b"SQLite format 3\0\x10\0", r"it is a database \(SQLite\)"),
        (b"A book".ljust(60, b"\0") + b"BOOKMOBI", r"it is an e-book"),
    ],
)
def test_what_people_take_for_a_text_is_named(tmp_path, content, says):
    with pytest.raises(InputError, match=says):
        list(open_text(put(tmp_path, content)).chunks())


@pytest.mark.parametrize(
    "begin",
    [
        *(
            "ID3 is an algorithm for decision trees.",
            "BZh is a name.",
            "BZh9 too.",
            "Rar! said the lion.",
            "PK is short.",
        ),
        *(
            "MZ began every program.",
            "BM was a bank.",
            "GIF89a is a format.",
            "RIFF, a WAVE.",
            "RIFF is WEBP.",
            "FORM ",
        ),
        *(
            "OggS is at its beginning.",
            "fLaC is another.",
            "The ftyp box.",
            "soft ftype",
            "%PDF-files are read.",
            "II*",
        ),
        *(
            "SQLite format 3 is documented.",
            "{\\rtf is how RTF begins.",
            "version https://git-lfs is no pointer.",
            "PAR1",
        ),
        *("7z is short.", "LZIP and the rest", "ID3\tis", "\x1b[1mOggS\x1b[0m", "x" * 257 + "ustar is old tar."),
    ],
)
def test_ordinary_texts_are_not_taken_for_something_else(tmp_path, begin):
    assert read(tmp_path, f"{begin}\n{TEXT}".encode()) == f"{begin}\n{TEXT}"


def test_a_small_file_that_unpacks_to_an_enormous_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "MOST_UNPACKED", 3_000_000)
    with pytest.raises(InputError, match=r"its [\d,]+ bytes unpack to more than"):
        list(open_text(put(tmp_path, gzip.compress(bytes(b"a" * 9_000_000), mtime=0))).chunks())


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "LONGEST_LINE", 1_000_000)
    with pytest.raises(InputError, match=r":2: expected lines of text, this one has more than 1,000,000"):
        list(open_text(put(tmp_path, b"short\n" + b"a" * 3_000_000)).lines())


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, says in (
        (tmp_path, "it is a folder"),
        (tmp_path / "pipe", "it is a pipe"),
        (tmp_path / "no.txt", "there is no such file"),
        (tmp_path / "loop", "it cannot be read"),
        (tmp_path / ("x" * 3000), "it cannot be read"),
        (tmp_path / "a\0b", "it cannot be read"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            open_text(path)
        assert len(caught.value.message) < 500


def test_a_name_that_is_not_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("fine")
    assert list(open_text(path).lines()) == ["fine"]


def test_paths_as_typed_at_home_and_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path / "data"))
    for name in ("here.txt", "home/a.txt", "data/b.txt", "~odd.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert find_path("here.txt") == (tmp_path / "here.txt").relative_to(tmp_path)
    assert find_path("~/a.txt") == tmp_path / "home" / "a.txt"
    assert find_path("b.txt") == tmp_path / "data" / "b.txt"
    assert str(find_path("~odd.txt")) == "~odd.txt"
    assert find_path("") is find_path(" ") is find_path("a\0") is find_path("none.txt") is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\n <!DOCTYPE html><p>404", "it is an HTML page, its tags are read as text"),
        (
            "1\r\n00:00:01,600 --> 00:00:04,200\r\nHello.\r\n\r\n2\r\n",
            "it has subtitles (SRT), their numbers and times are read as text",
        ),
        ("WEBVTT\n\n00:01.000 --> 00:04.000\nHello.\n", "it has subtitles (WebVTT), their times are read as text"),
        (
            '<?xml version="1.0"?>\n<!-- saved -->\n<!DOCTYPE html PUBLIC "-//W3C"><p>404',
            "it is an HTML page, its tags are read as text",
        ),
        ("<!-- a page --> of <html>", ""),
        ("1\n00 years ago --> now", ""),
        ("1\n2\nHello.\n", ""),
        ("A page of <html>.", ""),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_markup_that_is_read_as_text_is_told(tmp_path, content, told, encoding):
    note = open_text(put(tmp_path, content.encode(encoding))).note
    assert note == "; ".join(filter(None, ("read as UTF-16" if encoding == "utf-16" else "", told)))


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_lost_characters_are_counted_with_their_first_line(tmp_path, monkeypatch, size):
    monkeypatch.setattr(textfile, "CHUNK", size)
    text = open_text(put(tmp_path, "good\r\nna\ufffdve\ncaf\ufffd \ufffd\n".encode()))
    told = "3 characters are lost (U+FFFD), the first in line 2"
    for _ in range(2):
        list(text.chunks())
        assert text.note == f"{told}: get the original, or correct what is read in their place"
    one = open_text(put(tmp_path, "caf\ufffd".encode("utf-16")))
    list(one.lines())
    assert one.note.startswith("read as UTF-16; 1 character is lost (U+FFFD), in line 1: ")


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_ctrl_z_at_the_end_is_left_out(tmp_path, monkeypatch, size):
    monkeypatch.setattr(textfile, "CHUNK", size)
    for end in ("\x1a", "\x1a" * 7):
        assert read(tmp_path, f"{TEXT}a\x1ab\r\n{end}".encode()) == f"{TEXT}a\x1ab\n"
    with pytest.raises(InputError, match=r":1: expected UTF-8, byte 4 of the line is 0xff"):
        read(tmp_path, b"a\x1a\x1a\xff")


@pytest.mark.skipif(not shutil.which("iconv"), reason="no iconv on this machine")
def test_japanese_in_escape_codes_is_refused_with_advice_that_works(tmp_path):
    text = "A story.\n吾輩は猫である。名前はまだ無い。\n" * 2
    path = put(tmp_path, text.encode("iso2022_jp"))
    with pytest.raises(InputError, match=r"read as ISO-2022-JP there stands '吾輩は猫") as caught:
        open_text(path)
    subprocess.run(["sh", "-c", caught.value.hint.partition(": ")[2]], cwd=tmp_path, check=True)
    assert (tmp_path / "NEW").read_text(encoding="utf-8") == text
    assert read(tmp_path, b"\x1b[1mbold\x1b[0m \x1b$B") == "\x1b[1mbold\x1b[0m \x1b$B"
