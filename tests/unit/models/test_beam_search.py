"""Translations are those of the plain decoding loop, alone or among others."""

from __future__ import annotations

import itertools
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.data.texts.batching import pad
from nnlab.data.texts.tokenizers import END, PAD, START, UNKNOWN, CharTokenizer
from nnlab.evaluation.metrics import token_nll
from nnlab.models.beam_search import BeamSearch, Translator
from nnlab.models.seq2seq import AttentionSeq2Seq, EncoderDecoder

SOURCE, TARGET = CharTokenizer("abcdefgh ."), CharTokenizer("xyz αβγ.")


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def model_of(kind):
    keras.utils.set_random_seed(7)
    sizes: dict[str, Any] = {
        "source_vocabulary": len(SOURCE),
        "target_vocabulary": len(TARGET),
        "units": 24,
        "dropout": 0.0,
    }
    if kind == "published":
        return sharpened(EncoderDecoder(**sizes), 2.5)
    return sharpened(AttentionSeq2Seq(**sizes, depth=2, word_dropout=0.1, lexical=kind == "lexical"), 2.5)


def sharpened(model, factor):
    """An untrained network whose outputs differ from one sentence to the next."""
    model.build()
    for weight in model.trainable_variables:
        weight.assign(np.asarray(weight) * factor)
    return model


def plain_loop(model, sentence, limit):
    """Teacher forcing of what was written so far, the most probable next character, again and again."""
    source = pad([SOURCE.encode(sentence)], left=model.pad_left)
    written = [START]
    while len(written) <= limit and written[-1] != END:
        read = {"source": source, "target": pad([np.array(written)], width=limit)}  # one width: traced once
        logits = np.array(model.predict_on_batch(read))[0, len(written) - 1]
        logits[[PAD, START, UNKNOWN]] = -np.inf
        written.append(int(logits.argmax()))
    return TARGET.decode(written[1:])


def sentences(count):
    rng = np.random.default_rng(0)
    letters = np.array(list(SOURCE.characters))
    return ["".join(rng.choice(letters, int(length))) for length in rng.integers(1, 30, count)]


@pytest.mark.parametrize("kind", ["published", "attention", "lexical"])
def test_greedy_translation_is_the_plain_loops(kind):
    model = model_of(kind)
    chosen = sentences(2)
    translations = Translator(model, SOURCE, TARGET, 12).translate(chosen)
    assert translations == [plain_loop(model, sentence, 12) for sentence in chosen]
    assert len(set(translations)) > 1


@pytest.mark.skipif(backend.compiles_each_shape(), reason="there each width is a program of its own")
def test_sentences_of_any_length_are_translated_by_one_program(monkeypatch):
    traced = mock.Mock(wraps=BeamSearch.call)
    monkeypatch.setattr(BeamSearch, "call", lambda self, source: traced(self, source))
    translator = Translator(model_of("published"), SOURCE, TARGET, 4)
    for length in (2, 9, 29):
        assert translator.translate([("abc defgh " * 3)[:length]])
    assert traced.call_count == 1


@pytest.mark.parametrize("beam", [1, 3])
def test_translation_is_the_same_alone_and_among_others(beam):
    translator = Translator(model_of("lexical"), SOURCE, TARGET, 12, beam=beam)
    chosen = sentences(150)
    together = translator.translate(chosen)
    assert translator.translate(chosen[::-1]) == together[::-1]
    assert [translator.translate([sentence])[0] for sentence in chosen[:12]] == together[:12]


def test_wide_beam_finds_the_best_of_all():
    """Every possible translation of up to three letters scored by teacher forcing; the best is found."""
    target = CharTokenizer("xy")
    keras.utils.set_random_seed(9)
    model = AttentionSeq2Seq(
        source_vocabulary=len(SOURCE),
        target_vocabulary=len(target),
        units=16,
        depth=1,
        dropout=0.0,
        word_dropout=0.0,
    )
    sharpened(model, 5)

    def scored(sentence):
        """(mean log-probability, translation) of each of up to three letters, the best first."""
        found: list[tuple[float, str]] = []
        for length in range(4):
            every = ["".join(letters) for letters in itertools.product("xy", repeat=length)]
            ids = np.array([[*target.encode(output).tolist(), END] for output in every], "int32")
            written = np.insert(ids[:, :-1], 0, START, axis=1)
            logits = np.array(model({"source": pad([SOURCE.encode(sentence)] * len(every)), "target": written}))
            logits[:, :, [PAD, START, UNKNOWN]] = -1e9
            found += zip((-token_nll(logits, ids).mean(axis=1)).tolist(), every, strict=True)
        return sorted(found, reverse=True)

    chosen = sentences(3)
    expected = [scored(sentence)[:6] for sentence in chosen]
    firsts = [found[0][1] for found in expected]
    assert Translator(model, SOURCE, target, 4, beam=32).translate(chosen) == firsts
    assert len(set(firsts)) > 1
    translator = Translator(model, SOURCE, target, 4, beam=32, best=6)
    for best, found in zip(expected, translator.n_best(chosen), strict=True):
        assert [text for text, _ in found] == [text for _, text in best]
        assert [score for _, score in found] == pytest.approx([score for score, _ in best], abs=1e-4)


def test_n_best_of_translations_that_come_to_no_end_are_the_best_as_it_stands():
    translator = Translator(model_of("attention"), SOURCE, TARGET, 1, beam=4, best=4)
    found = translator.n_best(sentences(20))
    assert [[one[0] for one in some] for some in found] == [[text] for text in translator.translate(sentences(20))]
    assert all(-100 < score < 0 for some in found for _, score in some)
    assert all(len({text for text, _ in some}) == len(some) for some in found)


def test_attention_weights_of_a_translation():
    translator = Translator(model_of("attention"), SOURCE, TARGET, 12)
    sentence, translation, rows = translator.attention("abc d.")
    weights = np.array(rows)
    assert sentence == list("abc d.")
    assert "".join(translation) == translator.translate(["abc d."])[0]
    assert weights.shape == (len(translation) + 1, len(sentence))
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
