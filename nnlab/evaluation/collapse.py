"""Has a language model collapsed? Written text that goes round in a circle, or is one character."""

from __future__ import annotations

LOOKED_AT = 200  # characters at the end of a text


def collapse(text: str) -> str | None:
    """What is wrong with the end of a text, or None.

    >>> collapse("and then " + "e" * 200)
    "writes 'e' only"
    >>> collapse("well, " + "the same of the " * 20)
    "repeats 'the same of the '"
    """
    end = text[-LOOKED_AT:]
    if len(end) < LOOKED_AT:
        return None
    for period in range(1, LOOKED_AT // 3):
        same = sum(a == b for a, b in zip(end, end[period:], strict=False))
        if same >= 0.95 * (len(end) - period):
            return f"writes {end[-1]!r} only" if period == 1 else f"repeats {_begin(end[-2 * period :], period)!r}"
    return None


def _begin(twice: str, period: int) -> str:
    """One round of a circle, begun after a space where there is one."""
    start = twice.find(" ", 0, period) + 1
    return twice[start : start + period]
