"""Cutting sentences into subwords at random, the same for the same seed in every process.

Subword regularization (Kudo 2018): a cut is drawn from all that a sentence has, each as probable as the
product of its pieces' probabilities, to the power of alpha. sentencepiece offers that too, but since 0.2.2
its draws differ from process to process, whatever seed it is given; here they are numpy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nnlab.data.batching import Ragged
from nnlab.data.sentence_pairs import UNKNOWN, Ids

PLACES = 1 << 17  # characters worked on at once
NOWHERE, ROOT, LOST = 0, 1, 2  # nodes of the trie: no piece goes on, where each begins, an unknown character
PADDING, STRANGE = 0, 1  # columns of the trie; the known characters follow


class SubwordSampler:
    """Draws cuts into pieces, given each piece's id and log-probability.

    The pieces are a trie: ``_follow`` ``(nodes, characters)`` leads from a node to the next, ``_ids`` is
    the piece that ends in a node (0: none), and ``_weights`` its probability to the power of alpha.
    """

    def __init__(self, pieces: Mapping[str, tuple[int, float]], alpha: float) -> None:
        self._columns = {character: number for number, character in enumerate(sorted(set("".join(pieces))), 2)}
        after: list[dict[int, int]] = [{}, {STRANGE: LOST}, {}]
        ends = {LOST: (UNKNOWN, 0.0)}
        for piece, end in pieces.items():
            node = ROOT
            for character in piece:
                node = after[node].setdefault(self._columns[character], len(after))
                if node == len(after):
                    after.append({})
            ends[node] = end
        self._follow = np.full((len(after), len(self._columns) + 2), NOWHERE, np.int32)
        for node, leads in enumerate(after):
            self._follow[node, list(leads)] = list(leads.values())
        self._ids, self._weights = np.zeros(len(after), np.uint16), np.zeros(len(after))
        for node, (number, score) in ends.items():
            self._ids[node], self._weights[node] = number, np.exp(alpha * score)
        self._longest = max(map(len, pieces))

    def draw(self, sentences: Sequence[str], rng: np.random.Generator) -> Ragged:
        """The ids of one cut of each sentence."""
        lengths = np.array([len(one) for one in sentences])
        order = np.argsort(lengths, kind="stable")
        made: list[Ids] = []
        count = np.zeros(len(sentences), np.int64)
        start = 0
        while start < len(order):
            fits = np.flatnonzero(lengths[order[start:]] * np.arange(1, len(order) - start + 1) > PLACES)
            rows = order[start : start + max(1, int(fits[0]))] if len(fits) else order[start:]
            start += len(rows)
            ids, count[rows] = self._block([sentences[row] for row in rows], rng)
            made.append(ids)
        ends = np.cumsum(count)
        drawn = np.concatenate([np.zeros(0, np.uint16), *made])
        begins = np.repeat((ends - count)[order], count[order])  # back in the order of the sentences
        within = np.arange(len(drawn)) - np.repeat(np.cumsum(count[order]) - count[order], count[order])
        ordered = np.empty_like(drawn)
        ordered[begins + within] = drawn
        return Ragged(ordered, ends)

    def _block(self, sentences: Sequence[str], rng: np.random.Generator) -> tuple[Ids, Ids]:
        """(ids one after the other, how many of each) of sentences of like length.

        What is left is weighed from the end, then they are cut from the start.
        """
        lengths = np.array([len(one) for one in sentences])
        rows, width = np.arange(len(sentences)), int(lengths.max())
        columns = np.full((len(rows), width + self._longest), PADDING, np.int32)
        for row, sentence in enumerate(sentences):
            columns[row, : len(sentence)] = [self._columns.get(character, STRANGE) for character in sentence]
        nodes = np.empty((len(rows), width, self._longest), np.int32)  # where each piece that begins here ends
        node = np.full((len(rows), width), ROOT)
        for further in range(self._longest):
            node = self._follow[node, columns[:, further : further + width]]
            nodes[:, :, further] = node
        reached = np.empty(nodes.shape)  # of the probability of all pieces that can begin here, up to each length
        rest = np.zeros((len(rows), self._longest))  # how much the ways from the next places on weigh, to here's
        rest[:, 0] = 1.0
        for place in reversed(range(width)):
            share = self._weights[nodes[:, place]] * rest
            total = share.sum(axis=1, keepdims=True)
            total[total == 0] = 1.0  # beyond the end of a sentence
            reached[:, place] = np.cumsum(share / total, axis=1)
            rest[:, 1:] = rest[:, :-1] / total
        ids = np.zeros((len(rows), width), np.uint16)
        count = np.zeros(len(rows), int)
        at = np.zeros(len(rows), int)
        going = rows[lengths > 0]
        while len(going):
            steps = reached[going, at[going]]
            chosen = (steps > rng.random(len(going))[:, None] * steps[:, -1:]).argmax(axis=1)
            ids[going, count[going]] = self._ids[nodes[going, at[going], chosen]]
            count[going] += 1
            at[going] += chosen + 1
            going = going[at[going] < lengths[going]]
        return ids[np.arange(width) < count[:, None]], count
