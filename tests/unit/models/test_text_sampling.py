"""The compiled writing loops write what the plain loop writes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnlab import backend
from nnlab.models import language_model
from nnlab.models.text_sampling import TextSampler

VOCABULARY, WINDOW = 11, 6


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


def model_of(kind):
    keras.utils.set_random_seed(5)
    if kind == "window":
        return language_model.window_model(VOCABULARY, WINDOW, 16)
    return language_model.stream_model(VOCABULARY, 2, WINDOW, 16, {"stream": 1, "deep": 2}[kind], 0.3)


def write(model, prompts, length, diversity, seed=0, **options):
    pieces = TextSampler(model, **options).write(prompts, length, diversity, seed)
    return np.concatenate(list(pieces), axis=1)


def plain_loop(model, prompt, length, diversity, seed):
    """Read everything so far (the last window of it), draw one character, and begin again."""
    text = list(prompt)
    chances = np.random.default_rng([seed, 7]).random(length, "float32")
    for chance in chances:
        if model.name == "window":
            shown = np.array([text[-WINDOW:]])
            x = model.get_layer("characters")(shown)
            out = model.get_layer("lstm_1").run(x)[0]
        else:
            out = None
            for number in range(1, 3):
                if number == 2 and "lstm_2" not in [layer.name for layer in model.layers]:
                    break
                gates = model.get_layer("characters" if number == 1 else "into_2")(
                    np.array([text]) if number == 1 else out
                )
                above = model.get_layer(f"lstm_{number}").run(gates)[0]
                out = above if out is None else out + above
        logits = np.array(model.get_layer("logits")(out[:, -1]))[0] / diversity
        share = np.exp(logits - logits.max())
        reached = np.cumsum(share / share.sum())
        text.append(int((reached <= chance * reached[-1]).sum()))
    return text[len(prompt) :]


@pytest.mark.parametrize("kind", ["window", "stream", "deep"])
@pytest.mark.parametrize("prompt", [[3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2]])
def test_the_text_is_the_plain_loops(kind, prompt):
    model = model_of(kind)
    assert write(model, [prompt], 40, [0.8])[0].tolist() == plain_loop(model, prompt, 40, 0.8, 0)


def test_many_texts_are_written_in_two_groups_as_each_would_be_alone():
    model = model_of("deep")
    prompts = [[number % VOCABULARY, 3 * number % VOCABULARY] for number in range(40)]
    together = write(model, prompts, 150, [1.0] * 40, seed=3)
    assert together.shape == (40, 150)
    for row in (0, 31, 32, 39):
        assert write(model, [prompts[row]], 150, [1.0], seed=3)[0].tolist() == together[row].tolist()
    with pytest.raises(ValueError, match="up to 64 prompts"):
        write(model, [[1]] * 65, 10, [1.0] * 65)


@pytest.mark.parametrize("kind", ["window", "stream"])
def test_a_text_does_not_depend_on_its_neighbours_or_on_pieces(kind):
    model = model_of(kind)
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 1, 2, 3]]
    together = write(model, prompts, 300, [0.5, 1.0, 1.2], seed=3)
    assert together.shape == (3, 300)
    again = write(model, prompts[::-1], 300, [1.2, 1.0, 0.5], seed=3)
    assert np.array_equal(together, again[::-1])
    assert np.array_equal(together[:, :150], write(model, prompts, 150, [0.5, 1.0, 1.2], seed=3))
    assert not np.array_equal(together, write(model, prompts, 300, [0.5, 1.0, 1.2], seed=4))


def test_top_p_draws_from_the_most_probable_only():
    model = model_of("stream")
    pen = TextSampler(model, nucleus=True)
    one = [np.concatenate(list(pen.write([[1, 2]], 60, [1.0], seed, 1e-6)), axis=1) for seed in (0, 1)]
    assert np.array_equal(*one)  # only one character is left each time, whatever the chance
    sharp = write(model, [[1, 2]], 60, [1e-5])
    assert np.array_equal(one[0], sharp)


def test_a_loss_that_falls_and_a_text_that_is_learned():
    keras.utils.set_random_seed(0)
    model = language_model.stream_model(4, 4, 8, 16, 1, 0.0)
    model.compile(
        keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    ids = np.tile([0, 1, 2, 1, 3], 400)
    rows = ids[: 4 * 8 * 60].reshape(4, 60, 8).transpose(1, 0, 2).reshape(-1, 8)
    following = ids[1 : 4 * 8 * 60 + 1].reshape(4, 60, 8).transpose(1, 0, 2).reshape(-1, 8)
    losses = model.fit(rows, following, batch_size=4, shuffle=False, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < 0.1 < losses[0]
    assert write(model, [[0, 1, 2]], 10, [0.1])[0].tolist() == [1, 3, 0, 1, 2, 1, 3, 0, 1, 2]
