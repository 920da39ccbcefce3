"""What files begin with that people take for texts: whole signatures, so that no ordinary text is taken for one."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLAIN = "Save it as plain text (UTF-8) and name that file"
TABLE = "Save the sheet as tab-separated text and name that file"
UNPACK = "Unpack it and name the text inside"
OTHER = "Name a text file"
NEAR = 64  # bytes: a file whose signature consists of letters has one here that no text has


def _begins(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


COMPRESSED: dict[str, tuple[re.Pattern[bytes], Callable[[Path], Any]]] = {  # what it begins with, how it is opened
    "gzip": (_begins(rb"\x1f\x8b"), gzip.GzipFile),
    "bzip2": (_begins(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), bz2.BZ2File),  # a block, or the end of an empty file
    "xz": (_begins(rb"\xfd7zXZ\0"), lzma.LZMAFile),
    # No signature of its own: usual settings, the size of the dictionary, that of the text (unknown or below 1 TB).
    "lzma": (_begins(rb"\x5d\0\0..(?:\xff{8}|.{5}\0{3})"), lzma.LZMAFile),
}
BINARY = (  # with bytes that no text begins with
    (rb"\xd0\xcf\x11\xe0", "an old Word or Excel document", PLAIN),
    (rb".{60}(?:BOOKMOBI|TEXtREAd)", "an e-book (Mobipocket)", PLAIN),
    (rb"7z\xbc\xaf'\x1c", "a 7z archive", UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (rb"PK\x05\x06", "an empty zip archive", OTHER),
    (rb"\(\xb5/\xfd", "compressed by zstd", "Decompress it: zstd -d FILE"),
    (rb"\x1f\x9d", "compressed by compress (.Z)", "Decompress it: gzip -dc FILE > NEW"),
    (rb"LZIP\x01", "compressed by lzip", "Decompress it: lzip -d FILE"),
    (rb"\x04\"M\x18", "compressed by lz4", "Decompress it: lz4 -d FILE"),
    (rb".{257}ustar(?:\0|  \0)", "a tar archive", "Unpack it (tar xf FILE) and name the text inside"),
    (rb"\x89PNG", "a picture (PNG)", OTHER),
    (rb"\xff\xd8\xff", "a picture (JPEG)", OTHER),
    (rb"II\*\0|MM\0\*", "a picture (TIFF)", OTHER),
    (rb"ID3[\x02-\x04]|\xff[\xfb\xf3\xf2]", "a sound (MP3)", OTHER),
    (rb"\0\0..ftyp", "a film, or a picture (HEIC)", OTHER),
    (rb"\x1aE\xdf\xa3", "a film (Matroska)", OTHER),
    (rb"\x93NUMPY", "a NumPy array", OTHER),
    (rb"\x89HDF", "an HDF5 file", OTHER),
    (rb"SQLite format 3\0", "a database (SQLite)", OTHER),
    (rb"\x7fELF", "a program", OTHER),
)
LETTERS = (  # texts may begin with these too; a control character follows where they mean something
    (rb"GIF8[79]a", "a picture (GIF)", OTHER),
    (rb"RIFF....WEBP", "a picture (WebP)", OTHER),
    (rb"BM.{4}\0{4}", "a picture (BMP)", OTHER),
    (rb"RIFF....WAVE", "a sound (WAV)", OTHER),
    (rb"FORM....AIF[FC]", "a sound (AIFF)", OTHER),
    (rb"fLaC", "a sound (FLAC)", OTHER),
    (rb"OggS", "a sound (Ogg)", OTHER),
    (rb"MZ.[\0\x01].\0", "a program (Windows)", OTHER),
    (rb"PAR1", "a table (Parquet)", TABLE),
)
WRITTEN = (  # texts themselves, of a kind that is not meant to be read
    (rb"%PDF-[12]\.\d", "a PDF", "Save its text: pdftotext FILE, then name the .txt"),
    (rb"\{\\rtf\d", "an RTF document", PLAIN),
    (rb"version https://git-lfs\.github\.com/", "a pointer of Git LFS, not the file itself", "Fetch it: git lfs pull"),
)
ZIPPED = (  # what the first entry of a zip says
    (b"word/", "a Word document (.docx)", PLAIN),
    (b"xl/", "an Excel workbook (.xlsx)", TABLE),
    (b"opendocument.spreadsheet", "an OpenDocument sheet (.ods)", TABLE),
    (b"opendocument", "an OpenDocument text (.odt)", PLAIN),
    (b"epub", "an EPUB book", PLAIN),
    (b".npy", "an archive of arrays (.npz)", OTHER),
    (b"", "a zip archive", "Unpack it (unzip FILE) and name the text inside"),
)
CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")  # ESC is in coloured texts


def compression_of(head: bytes) -> str:
    """How a file is compressed, by its first bytes; empty where it is not."""
    return next((name for name, (pattern, _) in COMPRESSED.items() if pattern.match(head)), "")


def kind_by_signature(head: bytes) -> tuple[str, str]:
    """(what a file is, what to do) where its first bytes are those of something that people take for a text."""
    if head.startswith(b"PK\3\4"):
        _, kind, hint = next(known for known in ZIPPED if known[0] in head[:4096])
        return kind, hint
    known = (*BINARY, *WRITTEN, *(LETTERS if CONTROL.search(head[:NEAR]) else ()))
    return next(((kind, hint) for pattern, kind, hint in known if _begins(pattern).match(head)), ("", ""))
