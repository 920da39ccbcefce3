"""Translations are those of the plain decoding loop, alone or among others."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.data.sentence_pairs import END, PAD, SPECIAL, START, UNKNOWN, Language, padded
from nnlab.evaluation.metrics import token_nll
from nnlab.models.seq2seq import Attentive, EncoderDecoder, MaskedCrossEntropy
from nnlab.models.translating import SentenceTranslator

SOURCE, TARGET = Language("abcdefgh ."), Language("xyz αβγ.")


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def model_of(kind):
    keras.utils.set_random_seed(7)
    if kind == "published":
        model = EncoderDecoder(len(SOURCE), len(TARGET), 24, 0.0)
    else:
        model = Attentive(len(SOURCE), len(TARGET), 24, 2, 0.0, 0.1)
    model.build()
    for weight in model.trainable_variables:  # untrained networks hardly differ from one sentence to the next
        weight.assign(np.array(weight) * 2.5)
    return model


def plain_loop(model, sentence, limit):
    """Teacher forcing of what was written so far, the most probable next character, again and again."""
    source = padded([SOURCE.read(sentence)], left=model.left)
    written = [START]
    while len(written) <= limit and written[-1] != END:
        logits = np.array(model({"source": source, "target": np.array([written], "int32")}))[0, -1]
        logits[[PAD, START, UNKNOWN]] = -np.inf
        written.append(int(logits.argmax()))
    return TARGET.write(written[1:])


def sentences(count):
    rng = np.random.default_rng(0)
    letters = np.array(list(SOURCE.characters))
    return ["".join(rng.choice(letters, int(length))) for length in rng.integers(1, 30, count)]


@pytest.mark.parametrize("kind", ["published", "attentive"])
def test_greedy_is_the_plain_loop(kind):
    model = model_of(kind)
    chosen = sentences(3)
    found = SentenceTranslator(model, SOURCE, TARGET, 12).translate(chosen)
    assert found == [plain_loop(model, sentence, 12) for sentence in chosen]
    assert len(set(found)) > 1


@pytest.mark.parametrize("beam", [1, 3])
def test_alone_or_among_others_it_is_the_same(beam):
    model = model_of("attentive")
    interpreter = SentenceTranslator(model, SOURCE, TARGET, 12, beam=beam)
    chosen = sentences(150)
    together = interpreter.translate(chosen)
    assert interpreter.translate(chosen[::-1]) == together[::-1]
    assert [interpreter.translate([sentence])[0] for sentence in chosen[:12]] == together[:12]


def test_a_wide_beam_finds_the_best_of_all():
    """Every possible translation of up to three letters scored by teacher forcing; the best is found."""
    language = Language("xy")
    keras.utils.set_random_seed(9)
    model = Attentive(len(SOURCE), len(language), 16, 1, 0.0, 0.0)
    model.build()
    for weight in model.trainable_variables:
        weight.assign(np.array(weight) * 5)
    every = ["".join(letters) for length in range(4) for letters in itertools.product("xy", repeat=length)]

    def mean_log_probability(sentence, output):
        ids = np.array([*language.read(output).tolist(), END])
        inputs = {"source": padded([SOURCE.read(sentence)]), "target": np.array([[START, *ids[:-1]]], "int32")}
        logits = np.array(model(inputs))[0]
        logits[:, [PAD, START, UNKNOWN]] = -1e9
        return -token_nll(logits, ids).mean()

    chosen = sentences(4)
    best = [max(every, key=lambda output, s=sentence: mean_log_probability(s, output)) for sentence in chosen]
    assert SentenceTranslator(model, SOURCE, language, 4, beam=32).translate(chosen) == best
    assert len(set(best)) > 1


@pytest.mark.parametrize("kind", ["published", "attentive"])
def test_padding_changes_nothing(kind):
    model = model_of(kind)
    ids = SOURCE.read("abc d.")
    target = np.array([[START, SPECIAL, SPECIAL + 1]], "int32")
    wide = [np.array(model({"source": padded([ids], left=model.left, to=n), "target": target})) for n in (8, 24)]
    np.testing.assert_allclose(wide[0], wide[1], atol=1e-5)
    loss = MaskedCrossEntropy()
    goal = np.array([[SPECIAL, SPECIAL + 1, END]])
    more = np.pad(wide[0], ((0, 0), (0, 2), (0, 0)))
    padded_goal = np.pad(goal, ((0, 0), (0, 2)))
    assert float(loss(goal, wide[0])) == pytest.approx(float(loss(padded_goal, more)), rel=1e-6)


def test_attention_looks_at_the_sentence_only():
    model = model_of("attentive")
    sentence, written, weights = SentenceTranslator(model, SOURCE, TARGET, 12).attention("abc d.")
    weights = np.array(weights)
    assert weights.shape == (len(written) + 1, len(sentence))
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", ["published", "attentive"])
def test_the_saved_model_is_a_keras_model(kind, tmp_path):
    model = model_of(kind)
    model.compile("adam", MaskedCrossEntropy(0.1), jit_compile=False)
    ids = padded([SOURCE.read("abc d.")], left=model.left)
    target = np.array([[START, SPECIAL, SPECIAL + 1]], "int32")
    model.train_on_batch({"source": ids, "target": target}, np.array([[SPECIAL, SPECIAL + 1, END]], "int32"))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    chosen = sentences(5)
    found = [SentenceTranslator(one, SOURCE, TARGET, 12).translate(chosen) for one in (model, again)]
    assert found[0] == found[1]
