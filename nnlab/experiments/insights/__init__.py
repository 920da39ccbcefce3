"""What a teacher would project of a finished run: one module per experiment, of one function.

``insights(config, loaded, run)`` looks at the trained network with held-out data and hands over records; it opens no
file and knows no page. The backend has been started, and the data are those that the run was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Picture:
    """uint8 pixels ``(height, width)`` or ``(height, width, 3)``, what stands under them, and what they show."""

    pixels: Array
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Pictures:
    """Rows of pictures under each other, each row named; few to a row stay large.

    ``wraps``: what stands under each other belongs together, and a narrow page may show fewer of these in a row.
    """

    kind: ClassVar[str] = "pictures"
    rows: Sequence[tuple[str, Sequence[Picture]]]
    wraps: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of texts. ``left`` columns are words, the others figures; ``bars``: a share (0 to 1) drawn in each row."""

    kind: ClassVar[str] = "table"
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    bars: Sequence[float] = ()


@dataclass(frozen=True)
class Matrix:
    """Weights between 0 and 1, ``values[row][column]``, dark where they are large."""

    kind: ClassVar[str] = "matrix"
    name: str
    columns: Sequence[str]
    rows: Sequence[str]
    values: Sequence[Sequence[float]]


@dataclass(frozen=True)
class ColouredText:
    """A text in parts, each with a value that becomes its background; None: none was measured.

    ``edges``: where one colour ends and the next begins, ascending, five at most; ``unit``: of the values.
    """

    kind: ClassVar[str] = "text"
    parts: Sequence[tuple[str, float | None]]
    edges: Sequence[float]
    unit: str


Content = Pictures | Table | Matrix | ColouredText


@dataclass(frozen=True)
class Insight:
    """One thing to look at: a title, what is seen, and the contents in order."""

    title: str
    caption: str
    contents: Sequence[Content]


def as_bytes(pictures: Array) -> Array:
    """Pictures in [0, 1] as uint8."""
    return (np.clip(pictures, 0, 1) * 255).round().astype(np.uint8)
