"""Baselines of text: n-grams against their definition written out with dictionaries, and probabilities that add up."""

from __future__ import annotations

import lzma
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from nnlab.data.texts import text
from nnlab.evaluation.text_baselines import best_order, discounts_of, nll_by_order, text_baselines, xz_nats


class Plain:
    """Interpolated modified Kneser–Ney as Chen and Goodman define it, character by character."""

    def __init__(self, training, order, vocabulary):
        self.vocabulary = vocabulary
        grams = {n: Counter(zip(*(training[k:] for k in range(n)), strict=False)) for n in range(1, order + 1)}
        self.levels = []  # of each length the counts that stand at it: continuations below the longest
        for n in range(1, order + 1):
            counts = grams[n] if n == order else Counter(gram[1:] for gram in grams[n + 1])
            of = Counter(counts.values())
            taken = [0.0]
            for c in (1, 2, 3):
                value = c - (c + 1) * of[1] / (of[1] + 2 * of[2]) * of[c + 1] / of[c] if of[1] and of[c] else 0
                taken.append(value if 0 < value <= c else c / 2)
            after: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
            for gram, count in counts.items():
                after[gram[:-1]][gram[-1]] = count
            self.levels.append((taken, after))

    def probability(self, context, character):
        p = 1 / self.vocabulary
        for n, (taken, after) in enumerate(self.levels, start=1):
            own = after.get(tuple(context[len(context) - n + 1 :])) if len(context) >= n - 1 else None
            if own:
                total = sum(own.values())
                left = sum(taken[min(count, 3)] for count in own.values())
                count = own.get(character, 0)
                p = (count - taken[min(count, 3)] + left * p) / total
        return p


@pytest.fixture(scope="module")
def story():
    corpus = text.encode([text.sample(60)], lower=True, origin="here")
    return corpus.ids[:-300].astype(int), corpus.ids[-300:].astype(int), len(corpus.alphabet)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_n_grams_are_those_of_the_definition(story, order):
    training, tested, vocabulary = story
    plain = Plain(training.tolist(), order, vocabulary)
    [nats] = nll_by_order(training, [tested], vocabulary, order)
    assert nats.shape == (order, 299)
    for place in range(max(1, order - 1), 300):  # from where on the whole context is there
        context = tested[max(0, place - order + 1) : place].tolist()
        assert nats[-1, place - 1] == pytest.approx(-math.log(plain.probability(context, int(tested[place]))), rel=1e-9)


@pytest.mark.parametrize("context", ["the small ", "zzzz", "xq tea", "e"])
def test_probabilities_add_up_to_one(story, context):
    """After contexts that were seen, that were not, and that are shorter than the order; in each order."""
    training, _, vocabulary = story
    alphabet = sorted(set(text.sample(60).lower()))
    known = {character: number for number, character in enumerate(alphabet)}
    before = [known.get(character, 0) for character in context]
    parts = [np.array([*before, following]) for following in range(vocabulary)]
    nats = np.array([part[:, -1] for part in nll_by_order(training, parts, vocabulary, 6)])
    assert np.exp(-nats).sum(axis=0) == pytest.approx(1, abs=1e-9)
    assert np.isfinite(nats).all()


def test_parts_do_not_look_into_each_other(story):
    training, tested, vocabulary = story
    alone = [nll_by_order(training, [part], vocabulary, 4)[0] for part in (tested[:150], tested[150:])]
    together = nll_by_order(training, [tested[:150], tested[150:]], vocabulary, 4)
    for one, other in zip(alone, together, strict=True):
        assert np.allclose(one, other)


def test_the_order_is_chosen_by_validation_and_not_by_test():
    """A text in which two characters say the third: longer contexts help nothing, shorter ones know nothing."""
    draws = np.random.default_rng(0)
    ids = draws.integers(0, 4, 6000)
    for place in range(2, 6000):
        if draws.random() < 0.9:
            ids[place] = (ids[place - 1] + 2 * ids[place - 2]) % 4
    order, nats = best_order(ids[:4000], ids[4000:5000], ids[5000:], 4)
    assert order == 3
    assert nats < 0.6
    noise = draws.integers(0, 4, 1000)
    assert best_order(ids[:4000], noise, ids[5000:], 4)[0] == 1  # nothing of it helps where all is noise


def test_discounts_never_take_more_than_there_is():
    for counts in ([], [1, 1, 1], [2, 2], [5, 9], [1, 2, 3, 4, 4, 4, 4, 4], [1, 1, 2, 3, 3, 3]):
        taken = discounts_of(np.array(counts, int))
        assert taken[0] == 0
        assert (taken[1:] > 0).all()
        assert (taken <= np.arange(4)).all()


def test_xz_is_what_the_test_text_adds(story):
    alphabet = "".join(map(chr, range(ord("a"), ord("a") + 26)))
    draws = np.random.default_rng(1)
    noise = draws.integers(0, 26, 20_000)
    bits = xz_nats(noise, draws.integers(0, 26, 5000), alphabet) / math.log(2)
    assert math.log2(26) < bits < 1.1 * math.log2(26)
    assert xz_nats(noise, noise[1000:6000], alphabet) < 0.05  # it has been there before
    letters = "".join(alphabet[number] for number in noise).encode()
    sizes = [len(lzma.compress(part, preset=6 | lzma.PRESET_EXTREME)) for part in (letters[:9000], letters)]
    found = xz_nats(noise[:9000], noise[9000:], alphabet)
    assert found == pytest.approx((sizes[1] - sizes[0]) * 8 * math.log(2) / 11_000)


def test_without_validation_a_tenth_of_training_chooses(story):
    training, tested, vocabulary = story
    alphabet = "".join(map(chr, range(97, 97 + vocabulary)))
    found = text_baselines(training, None, tested, alphabet)
    order = found["kneser_ney"]["order"]
    cut = len(training) - len(training) // 10
    assert order == best_order(training[:cut], training[cut:], None, vocabulary)[0]
    [nats] = nll_by_order(training, [tested], vocabulary, order)
    assert found["kneser_ney"]["test_loss"] == pytest.approx(nats[-1].mean())
    for figures in found.values():
        assert figures["test_bits_per_character"] == pytest.approx(figures["test_loss"] / math.log(2))
    shortest = text_baselines(np.array([0, 1, 0]), None, np.array([1, 0]), "ab")  # and of next to nothing
    assert shortest["kneser_ney"]["test_loss"] > 0
