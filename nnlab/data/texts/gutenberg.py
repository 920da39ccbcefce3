"""Books of Project Gutenberg without its header and licence.

They stand before a line of START and from a line of END on. The licence is about 18,500 characters and the same in
each book: the last tenth of a book, which is the test part, would be licence alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FARTHEST = 40_000  # characters before START or behind END; the small print of the nineties is among them
LONGEST = 1_000  # characters of such a line
TITLE = r"OF TH(?:E|IS) PROJECT GUTENBERG E-?(?:BOOK|TEXT)\b"
REST = r"(?:[^\n]*(?:\n[^\n]+){0,2}?\*\*\*[^\S\n]*(?:\n|\Z)|[^\n]*(?:\n|\Z))"  # of a line whose title may go on
START = re.compile(rf"^(?:\*\*\* ?START {TITLE}{REST}|\*END ?\*? ?THE SMALL PRINT[^\n]*(?:\n|\Z))", re.I | re.M)
END = re.compile(rf"^(?:\*\*\* ?END {TITLE}|End of (?:the |this )?Project Gutenberg(?:['’]s)? )[^\n]*", re.I | re.M)
NAMED = re.compile(r"project\s+gutenberg", re.I)
LICENCE = re.compile(r"^\*\*\* ?END OF|licen[sc]e", re.I | re.M)


class WithoutLicence:
    """Reads the text of a file without header and licence; ``left_out`` counts their characters."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self.left_out = 0
        self._chunks = chunks
        self._held = ""
        self._at_end = False

    def chunks(self) -> Iterator[str]:
        """The text; several books may stand in one file.

        Some of it waits: of the beginning, and behind a line of END, until it is seen whether the file ends soon or
        another book begins. A text that speaks of Project Gutenberg has no such lines, or goes on.
        """
        self._hold(FARTHEST + LONGEST)
        start = START.search(self._held, 0, FARTHEST + LONGEST)
        if start and start.start() <= FARTHEST and _is_header(self._held[: start.start()]):
            self._leave_out(start.end())
        while self._held:
            end = END.search(self._held)
            if end is None:
                # A line that may be one waits for its end, a longer one does not.
                cut = self._held.rfind("\n") + 1 or (len(self._held) - 1 if len(self._held) > LONGEST else 0)
                yield self._release(len(self._held) if self._at_end else cut)
                self._hold(len(self._held) + 1)
                continue
            yield self._release(end.start())
            self._hold(FARTHEST + LONGEST)
            line = len(end[0])
            start = START.search(self._held, 0, FARTHEST + LONGEST)
            if start and start.start() <= FARTHEST and _is_header(self._held[: start.start()]):
                self._leave_out(start.end())
            elif self._at_end and len(self._held) <= FARTHEST and _is_licence(self._held[:line], self._held[line:]):
                self._leave_out(len(self._held))
            else:
                yield self._release(line)

    def _hold(self, count: int) -> None:
        """Read on until so many characters wait, or all there are."""
        while len(self._held) < count and not self._at_end:
            chunk = next(self._chunks, None)
            self._at_end = chunk is None
            self._held += chunk or ""

    def _release(self, count: int) -> str:
        """So many of the waiting characters, which belong to the text."""
        text, self._held = self._held[:count], self._held[count:]
        return text

    def _leave_out(self, count: int) -> None:
        self._release(count)
        self.left_out += count


def _is_header(before: str) -> bool:
    """Whether what stands before a line of START is what Project Gutenberg puts there."""
    return not before.strip() or NAMED.search(before) is not None


def _is_licence(line: str, behind: str) -> bool:
    """Whether a line and what stands behind it end a book; a sentence may begin like a line without stars."""
    if not behind.strip():
        return True
    return NAMED.search(behind) is not None and (line.startswith("***") or LICENCE.search(behind) is not None)


def told(left_out: int, files: int) -> str:
    """What is told of the characters that were left out, of so many files; empty where there are none."""
    of = f" of {files:,} files" if files > 1 else ""
    return f"licence and header of Project Gutenberg left out{of}: {left_out:,} characters" if left_out else ""
