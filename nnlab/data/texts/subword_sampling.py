"""Segmenting sentences into subwords at random, the same for the same seed in every process.

Subword regularization (Kudo 2018): a segmentation is drawn from all that a sentence has, each as probable as the
product of its subwords' probabilities, to the power of alpha. sentencepiece offers that too, but since 0.2.2 its
draws differ from process to process, whatever seed it is given; here they are NumPy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
MAX_CHARACTERS = 1 << 17  # worked on at once
NO_CHILD, ROOT, UNKNOWN_NODE = 0, 1, 2  # nodes of the trie: no subword goes on, where each begins, an unknown character
PADDING_COLUMN, UNKNOWN_COLUMN = 0, 1  # columns of the trie; the known characters follow


class SubwordSampler:
    """Draws segmentations, given each subword's id and log-probability.

    The subwords are a trie: ``_children`` ``(nodes, characters)`` leads from a node to the next, ``_ids`` ``(nodes,)``
    is the subword that ends in a node (0: none), and ``_weights`` ``(nodes,)`` its probability to the power of alpha.
    """

    def __init__(self, subwords: Mapping[str, tuple[int, float]], *, alpha: float, unknown_id: int) -> None:
        """``subwords`` {text: (id, log-probability)}; ``alpha``: nearer 0, all segmentations are nearer equal."""
        self._columns = {character: number for number, character in enumerate(sorted(set("".join(subwords))), 2)}
        children: list[dict[int, int]] = [{}, {UNKNOWN_COLUMN: UNKNOWN_NODE}, {}]
        ends = {UNKNOWN_NODE: (unknown_id, 0.0)}
        for subword, end in subwords.items():
            node = ROOT
            for character in subword:
                node = children[node].setdefault(self._columns[character], len(children))
                if node == len(children):
                    children.append({})
            ends[node] = end
        self._children = np.full((len(children), len(self._columns) + 2), NO_CHILD, np.int32)
        for node, following in enumerate(children):
            self._children[node, list(following)] = list(following.values())
        self._ids, self._weights = np.zeros(len(children), np.uint16), np.zeros(len(children))
        for node, (number, score) in ends.items():
            self._ids[node], self._weights[node] = number, np.exp(alpha * score)
        self._longest = max(map(len, subwords))

    def sample(self, sentences: Sequence[str], rng: np.random.Generator) -> tuple[Array, Array]:
        """One segmentation of each sentence: (all ids one after the other, where each sentence's end ``(n,)``)."""
        lengths = np.array([len(sentence) for sentence in sentences])
        order = np.argsort(lengths, kind="stable")
        blocks: list[Array] = []
        count = np.zeros(len(sentences), np.int64)
        start = 0
        while start < len(order):
            too_many = np.flatnonzero(lengths[order[start:]] * np.arange(1, len(order) - start + 1) > MAX_CHARACTERS)
            rows = order[start : start + max(1, int(too_many[0]))] if len(too_many) else order[start:]
            start += len(rows)
            ids, count[rows] = self._sample_block([sentences[row] for row in rows], rng)
            blocks.append(ids)
        ends = np.cumsum(count)
        by_length = np.concatenate([np.zeros(0, np.uint16), *blocks])
        begins = np.repeat((ends - count)[order], count[order])  # back in the order of the sentences
        within = np.arange(len(by_length)) - np.repeat(np.cumsum(count[order]) - count[order], count[order])
        ids = np.empty_like(by_length)
        ids[begins + within] = by_length
        return ids, ends

    def _sample_block(self, sentences: Sequence[str], rng: np.random.Generator) -> tuple[Array, Array]:
        """(ids one after the other, how many of each) of sentences of similar length.

        Backward filtering, forward sampling: beta[i], the weight of all segmentations of what follows place i, is
        worked out from the end; then subwords are drawn from the start.
        """
        lengths = np.array([len(sentence) for sentence in sentences])
        rows, width = np.arange(len(sentences)), int(lengths.max())
        columns = np.full((len(rows), width + self._longest), PADDING_COLUMN, np.int32)
        for row, sentence in enumerate(sentences):
            columns[row, : len(sentence)] = [self._columns.get(character, UNKNOWN_COLUMN) for character in sentence]
        nodes = np.empty((len(rows), width, self._longest), np.int32)  # reached from each place by each length
        node = np.full((len(rows), width), ROOT)
        for step in range(self._longest):
            node = self._children[node, columns[:, step : step + width]]
            nodes[:, :, step] = node
        cumulative = np.empty(nodes.shape)  # probability of the subwords that begin at a place, up to each length
        beta = np.zeros((len(rows), self._longest))  # backward weights beta[i + 1 … i + longest] / beta[i + 1]
        beta[:, 0] = 1.0
        for place in reversed(range(width)):
            weights = self._weights[nodes[:, place]] * beta
            total = weights.sum(axis=1, keepdims=True)
            total[total == 0] = 1.0  # beyond the end of a sentence
            cumulative[:, place] = np.cumsum(weights / total, axis=1)
            beta[:, 1:] = beta[:, :-1] / total
        ids = np.zeros((len(rows), width), np.uint16)
        count = np.zeros(len(rows), int)
        place_of = np.zeros(len(rows), int)
        unfinished = rows[lengths > 0]
        while len(unfinished):
            steps = cumulative[unfinished, place_of[unfinished]]
            chosen = (steps > rng.random(len(unfinished))[:, None] * steps[:, -1:]).argmax(axis=1)
            ids[unfinished, count[unfinished]] = self._ids[nodes[unfinished, place_of[unfinished], chosen]]
            count[unfinished] += 1
            place_of[unfinished] += chosen + 1
            unfinished = unfinished[place_of[unfinished] < lengths[unfinished]]
        return ids[np.arange(width) < count[:, None]], count
