"""What a network was trained on, as keys: so that what an ancestor has seen is never held out (``--from``).

A key is 64 bits of a digest of one item: a picture's pixels, a recording's samples, a sentence, a sum. Two different
items share one with a probability of about 1e-8 for a million items.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.config import Inherited
from nnlab.errors import InputError, UsageError, named, unreadable

Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]

DAMAGED = "Train the run again, or take its options without its weights: --like"
WORDS = 8  # in a row that make two texts the same there


def keys_of(items: Iterable[bytes | str]) -> Keys:
    """A key per item, in order: ``(items,)``."""
    digests = (
        hashlib.blake2b(item.encode("utf-8", "surrogateescape") if isinstance(item, str) else item, digest_size=8)
        for item in items
    )
    return np.frombuffer(b"".join(digest.digest() for digest in digests), np.uint64)


def keys_of_rows(array: NDArray[Any]) -> Keys:
    """A key per row of an array ``(rows, …)``; rows of other shapes or types have other keys."""
    told = f"{array.dtype.str} {array.shape[1:]}".encode()
    return keys_of(told + np.ascontiguousarray(row).tobytes() for row in array)


def keys_of_runs(words: list[str]) -> Keys:
    """A key per place of a text where :data:`WORDS` words in a row begin: ``(words - 7,)``, none for a shorter text."""
    known: dict[str, int] = {}
    ids = np.array([known.setdefault(word, len(known)) for word in words], np.int64)
    single = keys_of(known)[ids] if words else np.zeros(0, np.uint64)
    count = max(0, len(words) - WORDS + 1)
    total = np.zeros(count, np.uint64)
    for place in range(WORDS):  # a polynomial in an odd number, modulo 2^64
        total = total * np.uint64(0x9E3779B97F4A7C15) + single[place : place + count]
    return total


def seen(keys: Keys, before: Keys | None) -> Mask:
    """Which keys are among the sorted ones of ``before``; none where there are none."""
    if before is None or not len(before):
        return np.zeros(len(keys), bool)
    places = np.minimum(np.searchsorted(before, keys), len(before) - 1)
    return np.asarray(before[places] == keys)


@dataclass(frozen=True)
class Unseen:
    """What of the held-out items no ancestor was trained on: a mask per part, and what is told of the others."""

    masks: Mapping[str, Mask]
    left_out: int = 0
    notes: tuple[str, ...] = ()


def unseen(parts: Mapping[str, Callable[[], Keys]], inherited: Inherited | None, what: str) -> Unseen | None:
    """Which items of each held-out part (``validation``, ``test``) to keep; None where all are.

    ``parts`` makes the keys of each, which is done only where there is an ancestor; ``what`` the items are called
    (``pictures``). UsageError where none would be left of a part.
    """
    if inherited is None:
        return None
    found = {part: seen(make(), inherited.seen) for part, make in parts.items()}
    notes = []
    for part, before in found.items():
        if before.any():
            count, told = int(before.sum()), f"of {len(before):,} {part} {what}"
            notes.append(f"{count:,} {told} leave: {inherited.run} or its ancestors were trained on them")
        if before.all():
            raise UsageError(
                f"expected {part} {what} that {inherited.run} was not trained on, it was on all {len(before):,}",
                "Use the --data-seed of that run, or other data",
            )
    if not notes:
        return None
    left_out = sum(int(before.sum()) for before in found.values())
    return Unseen({part: ~before for part, before in found.items()}, left_out, tuple(notes))


def write(keys: Keys, path: Path) -> None:
    """Save keys, sorted and without repetition."""
    with open(path, "wb") as file:
        np.save(file, np.unique(keys), allow_pickle=False)


def read(path: Path) -> Keys:
    """What :func:`write` saved, from a file that may be anybody's. InputError where it is damaged."""
    try:
        with named(path), open(path, "rb") as file:
            keys = np.load(file, allow_pickle=False)
        if keys.dtype != np.uint64 or keys.ndim != 1 or not bool((keys[1:] > keys[:-1]).all()):
            raise ValueError("it does not hold sorted keys")
    except OSError as error:
        raise unreadable(path, error, DAMAGED) from error
    except (ValueError, EOFError, MemoryError) as error:
        raise InputError(f"expected what the run was trained on: {error}", DAMAGED, path=path) from error
    return np.asarray(keys)
