"""Products with longer rows against NumPy's in float64, and layers that use them against Keras's own."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nnlab import backend
from nnlab.models import lstm, products
from nnlab.models.layers import DeltaDense

TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow's kernels")


@pytest.mark.parametrize("shape", [(5, 7, 512), (3, 4, 1024), (2, 3, 513), (2, 3, 511)])
def test_the_product_is_numpy_s(shape):
    batch, rows, columns = shape
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(batch, rows)), rng.normal(size=(rows, columns))
    found = products.product(ops.convert_to_tensor(x, "float32"), ops.convert_to_tensor(kernel, "float32"))
    np.testing.assert_allclose(np.asarray(found), x @ kernel, rtol=1e-5, atol=1e-5)


@TENSORFLOW
def test_rows_of_2_kib_are_slow_and_only_on_a_processor(monkeypatch):
    slow = {columns for columns in (500, 512, 800, 1024, 2048, 3072) if products.is_slow(columns)}
    assert slow == {512, 1024, 2048, 3072}
    monkeypatch.setattr(products, "on_tensorflow_s_processor", lambda: False)
    assert not products.is_slow(512)


@TENSORFLOW
def test_a_gpu_is_no_processor(monkeypatch):
    import tensorflow as tf

    assert backend.on_tensorflow_s_processor()
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["a GPU"] if kind == "GPU" else [])
    assert not backend.on_tensorflow_s_processor()


def learned(build, monkeypatch, inputs, *, is_slow):
    """Losses of three steps, the weights after them, and how many products were made on the longer way."""
    made = []

    def judged(columns):
        made.append(columns)
        return is_slow and columns % 512 == 0

    monkeypatch.setattr(products, "is_slow", judged)
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(1)
    x, y = rng.random((64, *inputs), "float32"), rng.integers(10, size=64)
    given = keras.Input(inputs)
    model = keras.Model(given, layers.Dense(10)(build(given)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss, jit_compile=False)
    return [float(model.train_on_batch(x, y)) for _ in range(3)], model.get_weights(), made


@TENSORFLOW
@pytest.mark.parametrize(
    "build",
    [
        lambda x: products.Dense(512, activation="relu")(products.Dense(1024, activation="tanh")(x)),
        lambda x: DeltaDense(512, 1024)(products.Dense(512)(x)),
        lambda x: lstm.ScanLSTM(128)(layers.Dense(512)(layers.Reshape((3, 10))(x)))[:, -1],
    ],
    ids=["dense", "delta", "lstm"],
)
def test_layers_learn_the_same_on_both_ways(build, monkeypatch):
    (losses, weights, made) = learned(build, monkeypatch, (30,), is_slow=True)
    others, usual, _ = learned(build, monkeypatch, (30,), is_slow=False)
    assert {columns for columns in made if columns % 512 == 0}
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses, others, rtol=1e-5)
    for one, other in zip(weights, usual, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@TENSORFLOW
def test_a_dense_layer_learns_as_keras_s(monkeypatch):
    def built(dense):
        return lambda x: dense(512, activation="relu")(dense(512, activation="tanh")(x))

    losses, weights, _ = learned(built(products.Dense), monkeypatch, (30,), is_slow=True)
    others, keras_s, _ = learned(built(layers.Dense), monkeypatch, (30,), is_slow=True)
    np.testing.assert_allclose(losses, others, rtol=1e-5)
    for one, other in zip(weights, keras_s, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("shape", "bias"), [((3, 6), True), ((6,), False)])
def test_what_else_keras_s_layer_can_it_can(shape, bias):
    x = np.random.default_rng(0).random((2, *shape), "float32")
    keras.utils.set_random_seed(1)
    layer = products.Dense(512, use_bias=bias)
    found = np.asarray(layer(x, training=True))
    expected = x @ np.asarray(layer.kernel) + (np.asarray(layer.bias) if bias else 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_weights_of_keras_s_layer_fill_it(tmp_path):
    """Runs that were trained with Keras's layer are read: names and shapes are the same."""

    def built(dense):
        inputs = keras.Input((6,))
        return keras.Model(inputs, dense(512, name="a")(dense(8)(inputs)))

    before, after = built(layers.Dense), built(products.Dense)
    before.save(tmp_path / "before.keras")
    after.load_weights(tmp_path / "before.keras")
    for one, other in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
