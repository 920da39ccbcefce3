"""What people have in place of MNIST's files, and the lines of Python that make an ``.npz`` of it."""

from __future__ import annotations

import re
from pathlib import Path

from nnlab.data import folders
from nnlab.data.folders import PICTURES

SPLIT = (
    "n = len(y) // 6; numpy.savez('digits.npz', x_train=x[:-n], y_train=y[:-n], x_test=x[-n:], y_test=y[-n:])"
    "  # 5/6, 1/6"
)
SHAPED = re.compile(rb"[^\n]*,[^\n]*,[^\n]*\n")  # a first line of at least three columns


def found_in_place(path: Path) -> tuple[str, str]:
    """(what a file or folder holds in place of ``.npz`` or IDX, what to do with it); empty where it is neither.

    Pictures in folders that are called after their labels, one picture, or a table of pixels with the label first.
    """
    if path.is_dir():
        files = folders.list_files(path, (*PICTURES, ".csv")).files
        pictures = [file for file in files if file.suffix.lower() in PICTURES]
        if pictures:
            return f"{len(pictures):,} pictures" if len(pictures) > 1 else "1 picture", _of_pictures(path)
        return ("a CSV file", _of_table(files[0])) if files else ("", "")
    if path.suffix.lower() in PICTURES:
        return "one picture", "Give an .npz of many, or predict with a run: nnlab predict RUN PICTURE"
    if path.suffix.lower() == ".csv" or _is_table(path):
        return "a CSV file", _of_table(path)
    return "", ""


def _of_pictures(path: Path) -> str:
    """Lines for pictures in folders 0 to 9."""
    return (
        "Make an .npz, where folders are called after their digits: import numpy, pathlib, random; "
        "from PIL import Image; "
        f"files = sorted(pathlib.Path({str(path)!r}).rglob('[0-9]/*.*')); random.Random(0).shuffle(files); "
        "x = numpy.stack([Image.open(f).convert('L').resize((28, 28)) for f in files]); "
        f"y = numpy.array([int(f.parent.name) for f in files]); {SPLIT}"
    )


def _of_table(path: Path) -> str:
    """Lines for a table whose first column is the label, and the others the 784 pixels."""
    with open(path, "rb") as file:
        head = file.read(100)
    skipped = 0 if head[:1].isdigit() else 1
    return (
        "Make an .npz, where the first column is the digit: import numpy; "
        f"a = numpy.loadtxt({str(path)!r}, 'uint8', delimiter=',', skiprows={skipped}); "
        f"x, y = a[:, 1:], a[:, 0]; {SPLIT}"
    )


def _is_table(path: Path) -> bool:
    """Whether a file begins with a line of columns that are parted by commas."""
    with open(path, "rb") as file:
        head = file.read(10_000)
    return b"\0" not in head and SHAPED.match(head) is not None
