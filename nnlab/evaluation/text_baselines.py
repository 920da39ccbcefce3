"""What a network that predicts characters has to beat: n-grams with Kneser–Ney smoothing, and ``xz``.

The n-grams are interpolated, with modified Kneser–Ney discounts (Chen and Goodman 1999): what a short context has
seen is counted by how many different longer ones it ended, not by how often. All orders are worked out together,
with arrays and without a dictionary: an n-gram is known by a number, that of its first n - 1 characters joined to
its last.
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.texts.text import Ids

Array: TypeAlias = np.ndarray[Any, Any]
ORDERS = 12  # characters of the longest n-grams that are tried
READ, PREDICTED = 2_000_000, 500_000  # characters at most: the last of training, the first of the other parts


def text_baselines(training: Ids, validation: Ids | None, test: Ids, alphabet: str) -> dict[str, dict[str, Any]]:
    """Both baselines: ``test_loss`` in nats per character, ``test_bits_per_character``, and the ``order`` of n-grams.

    Ids ``(characters,)`` of the three parts. The order is the one that predicts the validation part best; without such
    a part a tenth of training is set aside for that, and belongs to it again afterwards. Of long texts the baselines
    read ``READ`` characters and predict ``PREDICTED``, which takes 10 s and 450 MB.
    """
    training, test = training[-READ:], test[:PREDICTED]
    if validation is None:
        cut = max(1, len(training) - max(2, len(training) // 10))
        order, _ = best_order(training[:cut], training[cut:], None, len(alphabet))
        nats = float(nll_by_order(training, [test], len(alphabet), order)[0][-1].mean())
    else:
        order, nats = best_order(training, validation[:PREDICTED], test, len(alphabet))
    found = {"kneser_ney": {**_per_character(nats), "order": order}}
    found["xz"] = _per_character(xz_nats(training, test, alphabet))
    return found


def _per_character(nats: float) -> dict[str, Any]:
    return {"test_loss": nats, "test_bits_per_character": nats / math.log(2)}


# ---- n-grams -----------------------------------------------------------------------------------------


def best_order(training: Ids, validation: Ids, test: Ids | None, vocabulary: int) -> tuple[int, float]:
    """(order, nats per character of the test part): the order with the least loss on the validation part."""
    parts = [validation] if test is None else [validation, test]
    found = [nats.mean(axis=1) for nats in nll_by_order(training, parts, vocabulary, ORDERS)]
    best = int(np.argmin(found[0]))
    return best + 1, float(found[-1][best])


def nll_by_order(training: Ids, parts: Sequence[Ids], vocabulary: int, orders: int) -> list[Array]:
    """Negative log-likelihood of every character of each part but its first: ``(orders, characters - 1)`` in nats.

    Row ``n - 1`` is of the model of order ``n``, which looks at up to ``n - 1`` characters before, within the part.
    """
    x = np.concatenate([training, *parts]).astype(np.int64)
    place = np.concatenate([np.arange(len(part)) for part in (training, *parts)])  # within its part
    begin = len(training)
    rows = np.empty((orders, len(x) - begin))
    uniform = np.full(len(x) - begin, 1 / vocabulary)
    shorter: _Grams | None = None
    continued = uniform  # what contexts one character shorter say, by continuation counts
    for order in range(1, orders + 1):
        grams = _Grams.of(x, place, begin, vocabulary, order, shorter)
        if shorter is not None:
            continued = shorter.interpolated(grams.continuations(shorter), continued)
        rows[order - 1] = grams.interpolated(grams.counts, continued)
        shorter = grams
    nats = -np.log(rows)
    ends = np.cumsum([len(part) for part in parts])
    return [nats[:, end - len(part) + 1 : end] for part, end in zip(parts, ends.tolist(), strict=True)]


@dataclass(frozen=True)
class _Grams:
    """The n-grams of one order that end at each character: ``gram`` and ``context`` ``(characters,)`` are numbers."""

    gram: Array
    context: Array
    inside: Array  # whether the n-gram lies within one part
    begin: int  # where the training part ends
    contexts: int
    counts: Array  # in training, of each number
    first: Array  # where in training each n-gram that is there ends first

    @classmethod
    def of(cls, x: Array, place: Array, begin: int, vocabulary: int, order: int, shorter: _Grams | None) -> _Grams:
        inside = place >= order - 1
        if shorter is None:
            context, contexts = np.zeros(len(x), np.int64), 1
        else:
            context, contexts = np.concatenate([[0], shorter.gram[:-1]]), len(shorter.counts)
        different, gram = np.unique(np.where(inside, context * vocabulary + x, -1), return_inverse=True)
        seen = np.flatnonzero(inside[:begin])
        counts = np.bincount(gram[seen], minlength=len(different))
        first = np.full(len(different), -1)
        first[gram[seen[::-1]]] = seen[::-1]  # of several the last that is written stays, the first in the text
        return cls(gram, context, inside, begin, contexts, counts, first[first >= 0])

    def continuations(self, shorter: _Grams) -> Array:
        """Of each of the shorter n-grams: how many different ones of this order end with it."""
        return np.bincount(shorter.gram[self.first], minlength=len(shorter.counts))

    def interpolated(self, counts: Array, lower: Array) -> Array:
        """The probability of each character beyond the training part, from counts of n-grams and a lower order's."""
        discounts = discounts_of(counts)
        known = self.first[counts[self.gram[self.first]] > 0]
        of_known, contexts = counts[self.gram[known]], self.context[known]
        total = np.bincount(contexts, weights=of_known, minlength=self.contexts)
        left = np.bincount(contexts, weights=discounts[np.minimum(of_known, 3)], minlength=self.contexts)
        context, own = self.context[self.begin :], counts[self.gram[self.begin :]]
        there = self.inside[self.begin :] & (total[context] > 0)
        divisor = np.where(there, total[context], 1)
        given = (own - discounts[np.minimum(own, 3)] + left[context] * lower) / divisor
        return np.where(there, given, lower)


def discounts_of(counts: Array) -> Array:
    """What is taken from counts of 0, 1, 2, and 3 or more: ``(4,)``, something but never more than the count.

    Estimated from how many n-grams there are of each count (Chen and Goodman 1999); half of the count where that says
    nothing, or nothing of sense: what is never taken is never left for characters that a context has not seen.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    found = [0.0]
    for count in (1, 2, 3):
        discount = 0.0
        if n[1] and n[count]:
            discount = count - (count + 1) * n[1] / (n[1] + 2 * n[2]) * n[count + 1] / n[count]
        found.append(discount if 0 < discount <= count else count / 2)
    return np.array(found)


# ---- compression -------------------------------------------------------------------------------------


def xz_nats(training: Ids, test: Ids, alphabet: str) -> float:
    """Nats per character of what ``xz`` adds to the compressed training text where the test text comes after it."""
    codes = np.array([ord(character) for character in alphabet], "<u4")

    def size(ids: Ids) -> int:
        text = codes[ids].tobytes().decode("utf-32-le", "surrogatepass")
        return len(lzma.compress(text.encode("utf-8", "surrogatepass"), preset=6 | lzma.PRESET_EXTREME))

    return 8 * (size(np.concatenate([training, test])) - size(training)) / len(test) * math.log(2)
