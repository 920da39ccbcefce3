"""The compiled sampling loops write what the plain loop writes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.models import language_model
from nnlab.models.text_sampling import CHUNK_LENGTH, MAX_BATCH, TextSampler

VOCABULARY, WINDOW = 11, 6


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def model_of(kind):
    keras.utils.set_random_seed(5)
    if kind == "window":
        return language_model.window_model(vocabulary=VOCABULARY, window=WINDOW, units=16)
    depth, networks = {"stream": (1, 1), "deep": (2, 1), "several": (1, 2)}[kind]
    return language_model.stream_model(
        vocabulary=VOCABULARY, streams=2, window=WINDOW, units=16, depth=depth, dropout=0.3, networks=networks
    )


@pytest.fixture(scope="module")
def samplers(_backend):
    """(model, sampler) of each kind, compiled once."""
    models = {kind: model_of(kind) for kind in ("window", "stream", "deep", "several")}
    return {kind: (model, TextSampler(model)) for kind, model in models.items()}


def sample(sampler, prompts, length, diversity, seed=0, top_p=1.0):
    return np.concatenate(list(sampler.sample(prompts, length, diversity, seed, top_p)), axis=1)


def logits_after(model, text):
    """What a network says comes next, all of ``text`` read at once."""
    outputs = model.get_layer("lstm_1").scan(model.get_layer("characters")(np.array([text])))[0]
    if "lstm_2" in [layer.name for layer in model.layers]:
        outputs = outputs + model.get_layer("lstm_2").scan(model.get_layer("gates_2")(outputs))[0]
    return np.array(model.get_layer("logits")(outputs[:, -1]))[0]


def softmax(logits):
    return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()


def plain_loop(model, prompt, length, diversity, seed, top_p=1.0):
    """Read everything so far (the last window of it), draw one character, and begin again; and what each was drawn
    from."""
    text, nuclei = list(prompt), []
    for uniform in np.random.default_rng([seed, 7]).random(length, "float32"):
        networks = [layer for layer in model.layers if layer.name.startswith("network_")] or [model]
        read = text[-WINDOW:] if model.name == "window" else text
        probabilities = np.mean([softmax(logits_after(network, read)) for network in networks], axis=0)
        probabilities = softmax(np.log(probabilities) / diversity)
        order = np.argsort(-probabilities)
        before = np.cumsum(probabilities[order]) - probabilities[order]  # of all that are more probable
        nucleus = order[before < top_p]
        cumulative = np.cumsum(np.where(np.isin(np.arange(VOCABULARY), nucleus), probabilities, 0))
        text.append(int((cumulative <= uniform * cumulative[-1]).sum()))
        nuclei.append(set(nucleus.tolist()))
    return text[len(prompt) :], nuclei


@pytest.mark.parametrize("kind", ["window", "stream", "deep", "several"])
@pytest.mark.parametrize("prompt", [[3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2]])
def test_sampled_text_is_the_plain_loops(samplers, kind, prompt):
    model, sampler = samplers[kind]
    assert sample(sampler, [prompt], 12, [0.8])[0].tolist() == plain_loop(model, prompt, 12, 0.8, 0)[0]


def test_many_texts_in_two_groups_are_those_of_each_alone(samplers):
    _, sampler = samplers["deep"]
    prompts = [[number % VOCABULARY, 3 * number % VOCABULARY] for number in range(40)]
    together = sample(sampler, prompts, 150, [1.0] * 40, seed=3)
    assert together.shape == (40, 150)
    for row in (0, 31, 32, 39):
        assert sample(sampler, [prompts[row]], 150, [1.0], seed=3)[0].tolist() == together[row].tolist()


def test_more_texts_than_fit_are_refused(samplers):
    with pytest.raises(ValueError, match="up to 64 prompts"):
        sample(samplers["stream"][1], [[1]] * (MAX_BATCH + 1), 10, [1.0] * (MAX_BATCH + 1))


@pytest.mark.parametrize("kind", ["window", "stream", "several"])
def test_text_does_not_depend_on_neighbours_or_chunks(samplers, kind):
    _, sampler = samplers[kind]
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 1, 2, 3]]
    length = 2 * CHUNK_LENGTH + 44
    together = sample(sampler, prompts, length, [0.5, 1.0, 1.2], seed=3)
    assert together.shape == (3, length)
    again = sample(sampler, prompts[::-1], length, [1.2, 1.0, 0.5], seed=3)
    assert np.array_equal(together, again[::-1])
    assert np.array_equal(together[:, :150], sample(sampler, prompts, 150, [0.5, 1.0, 1.2], seed=3))
    assert not np.array_equal(together, sample(sampler, prompts, length, [0.5, 1.0, 1.2], seed=4))


def test_top_p_draws_from_the_nucleus_only():
    """Each character is the plain loop's of the smallest set that holds top_p; without it others are drawn too."""
    model = model_of("stream")
    for weight in model.trainable_variables:  # an untrained network's probabilities are nearly one another's
        weight.assign(np.asarray(weight) * 4)
    sampler = TextSampler(model, nucleus=True)
    for top_p in (0.6, 0.9):
        expected, nuclei = plain_loop(model, [1, 2], 20, 1.0, 0, top_p)
        text = sample(sampler, [[1, 2]], 20, [1.0], top_p=top_p)[0].tolist()
        assert text == expected
        assert 1 < np.mean([len(nucleus) for nucleus in nuclei]) < VOCABULARY - 2
    assert text != sample(sampler, [[1, 2]], 20, [1.0], top_p=1.0)[0].tolist()
    greedy = [sample(sampler, [[1, 2]], 20, [1.0], seed, 1e-6) for seed in (0, 1)]
    assert np.array_equal(greedy[0], greedy[1])  # only the most probable is left, whatever the random number
    assert greedy[0][0].tolist() == plain_loop(model, [1, 2], 20, 1e-5, 0)[0]


def test_stream_model_learns_a_text():
    keras.utils.set_random_seed(0)
    model = language_model.stream_model(vocabulary=4, streams=4, window=8, units=16, depth=1, dropout=0.0)
    model.compile(
        keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    ids = np.tile([0, 1, 2, 1, 3], 400)
    rows = ids[: 4 * 8 * 60].reshape(4, 60, 8).transpose(1, 0, 2).reshape(-1, 8)
    following = ids[1 : 4 * 8 * 60 + 1].reshape(4, 60, 8).transpose(1, 0, 2).reshape(-1, 8)
    losses = model.fit(rows, following, batch_size=4, shuffle=False, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < 0.1 < losses[0]
    assert sample(TextSampler(model), [[0, 1, 2]], 10, [0.1])[0].tolist() == [1, 3, 0, 1, 2, 1, 3, 0, 1, 2]
