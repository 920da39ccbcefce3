"""Every network of the seven experiments is saved and loaded by Keras alone, in safe mode."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import nnlab.models
from nnlab import backend
from nnlab.models import arithmetic, autoencoders, digits, ensemble, language_model, seq2seq
from nnlab.models.layers import Noise
from nnlab.models.optimizers import on_a_cosine
from tests.conftest import ROOT


@pytest.fixture(autouse=True, scope="module")
def _backend():
    backend.start("cpu")


SIDE: tuple[int, int, int] = (8, 8, 3)
COLOURS: dict[str, Any] = {"widths": (4, 8), "down_blocks": (0, 1), "up_blocks": (1, 0)}
SIZES: dict[str, Any] = {"source_vocabulary": 9, "target_vocabulary": 7, "units": 4, "dropout": 0.2}
NETWORKS = {
    "mnist mlp": lambda: digits.network(
        digits.side_by_side(lambda: digits.mlp(input_dropout=0.2, hidden_dropout=0.4), 2), 1
    ),
    "mnist cnn": digits.cnn,
    "mnist normalised mlp": lambda: digits.normalised_mlp(units=(6, 5)),
    "mnist adversarial mlp": lambda: digits.adversarial_mlp(units=(6, 5)),
    "mnist normalised cnn": lambda: digits.normalised_cnn(1),
    "mnist small cnn": lambda: digits.small_cnn(2),
    "permute shallow cnn": digits.shallow_cnn,
    "textgen window": lambda: language_model.window_model(vocabulary=7, window=5, units=4),
    "textgen stream": lambda: language_model.stream_model(
        vocabulary=7, streams=3, window=5, units=4, depth=3, dropout=0.2
    ),
    "textgen networks": lambda: language_model.stream_model(
        vocabulary=7, streams=3, window=5, units=4, depth=2, dropout=0.2, networks=2
    ),
    "translate encoder_decoder": lambda: built(seq2seq.EncoderDecoder(**SIZES)),
    "translate attention": lambda: built(seq2seq.AttentionSeq2Seq(**SIZES, depth=2, word_dropout=0.1)),
    "translate lexical": lambda: built(seq2seq.AttentionSeq2Seq(**SIZES, depth=1, word_dropout=0.1, lexical=True)),
    "arith seq2seq": lambda: arithmetic.seq2seq_network(question_length=5, answer_length=3, units=4),
    "arith add": lambda: arithmetic.column_network(op="add", width=3, answer_length=3, units=4),
    "arith mul": lambda: arithmetic.column_network(op="mul", width=2, answer_length=4, units=4),
    "arith carried": lambda: arithmetic.column_network(
        op="mul", width=2, answer_length=4, units=4, pair_size=3, commuting=True, recurrence="carried"
    ),
    "arith networks": lambda: arithmetic.column_network(
        op="mul", width=2, answer_length=4, units=4, pair_size=3, recurrence="carried", networks=2
    ),
    "arith small pairs": lambda: arithmetic.column_network(
        op="mul", width=2, answer_length=4, units=4, pair_size=3, recurrence="one_way"
    ),
    "autoencode dense": lambda: autoencoders.dense_autoencoder(SIDE, 5, "sigmoid"),
    "autoencode conv": lambda: autoencoders.conv_autoencoder(SIDE, "softmax"),
    "autoencode residual": lambda: autoencoders.residual_autoencoder(SIDE, 5, **COLOURS, gain=3.0),
    "autoencode pictures": lambda: autoencoders.picture_autoencoder(SIDE, 5, **COLOURS, gain=3.0),
    "autoencode sounds": lambda: autoencoders.sound_autoencoder((20, 16, 1), 5, widths=(4, 5, 6)),
    "denoise conv": lambda: autoencoders.conv_denoiser(SIDE, "sigmoid", Noise(0.5)),
    "denoise blind": lambda: autoencoders.blind_denoiser(SIDE, Noise(0.1, 0.5), widths=(4, 6, 8)),
    "denoise residual": lambda: autoencoders.residual_denoiser(SIDE, Noise(0.1, 0.5, clip=False), widths=(4, 6, 8)),
}


TRAINED = {"arith networks", "textgen networks", "translate lexical", "autoencode residual", "autoencode sounds"}


def built(model):
    model.build()
    return model


def train(model, name):
    """One step with a loss and an optimizer as the experiments have them: both are saved with the network."""
    inputs, loss = inputs_of(model), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if name.startswith("translate"):
        loss = seq2seq.MaskedCrossEntropy(0.1)
    elif name.endswith(" networks"):
        loss = ensemble.EachCrossEntropy()
    elif name.startswith("autoencode"):
        loss = keras.losses.MeanSquaredError()
    optimizer = on_a_cosine(1e-3, 9, warm_up=1, least=0.1, weight_decay=0.1, beta_2=0.9, clip=1.0)
    model.compile(optimizer, loss, run_eagerly=True)  # one step: tracing it takes longer
    targets = inputs["target"] if isinstance(inputs, dict) else inputs
    if name.startswith("arith"):
        targets = np.zeros((len(inputs), model.output_shape[1]), "uint8")
    model.train_on_batch(inputs, targets)


def inputs_of(model):
    rng = np.random.default_rng(0)
    if isinstance(model, seq2seq.Seq2Seq):
        ids = rng.integers(4, 7, (3, 6)).astype("int32")
        return {"source": ids, "target": ids[:, :4]}
    shape = tuple(size or 3 for size in model.input_shape)
    return rng.random(shape).astype("float32") if model.input.dtype == "float32" else rng.integers(0, 7, shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_saved_network_is_loaded_in_safe_mode(name, tmp_path):
    keras.utils.set_random_seed(3)
    model = NETWORKS[name]()
    for weight in model.trainable_variables:  # what starts at zero shows nothing
        weight.assign(weight + 0.05)
    if name in TRAINED:
        train(model, name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [weights.tobytes() for weights in model.get_weights()] == [w.tobytes() for w in loaded.get_weights()]
    inputs = inputs_of(model)
    outputs, again = (np.asarray(network(inputs)) for network in (model, loaded))
    assert outputs.tobytes() == again.tobytes()
    if name in TRAINED:
        assert loaded.optimizer.iterations == 1
    if name == "translate lexical":
        assert isinstance(loaded.loss, seq2seq.MaskedCrossEntropy)
        assert loaded.loss.smoothing == 0.1


def test_importing_models_registers_every_class():
    """``import nnlab.models`` imports each module that registers a class: these are all that Keras needs."""
    folder = ROOT / "nnlab" / "models"
    registering = {path.stem for path in folder.glob("*.py") if "register_keras_serializable(" in path.read_text()}
    assert registering == set(nnlab.models.__all__)
    ours = {name for name in keras.saving.get_custom_objects() if name.startswith("nnlab>")}
    assert {"nnlab>ScanLSTM", "nnlab>Noise", "nnlab>ColumnEmbedding", "nnlab>MaskedCrossEntropy"} <= ours
