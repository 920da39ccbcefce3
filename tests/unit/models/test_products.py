"""Products with longer rows against NumPy's in float64 and against Keras's own layer."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nnlab.models import products


@pytest.mark.parametrize("shape", [(5, 7, 512), (3, 4, 1024), (2, 3, 513), (2, 3, 511)])
def test_the_product_is_numpy_s(shape):
    batch, rows, columns = shape
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(batch, rows)), rng.normal(size=(rows, columns))
    found = products.product(ops.convert_to_tensor(x, "float32"), ops.convert_to_tensor(kernel, "float32"))
    np.testing.assert_allclose(np.asarray(found), x @ kernel, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow's kernels")
def test_only_rows_of_2_kib_are_made_longer():
    shapes = {columns: products.with_longer_rows(ops.ones((2, columns))).shape[-1] for columns in (500, 512, 800, 2048)}
    assert shapes == {500: 500, 512: 528, 800: 800, 2048: 2064}


@pytest.mark.parametrize("units", [512, 20])
def test_a_dense_layer_learns_as_keras_s(units):
    """Three steps of the same weights on the same samples: the same losses, and the same weights after them."""
    rng = np.random.default_rng(1)
    x, y = rng.random((64, 30), "float32"), rng.integers(10, size=64)
    told = []
    for dense in (products.Dense, layers.Dense):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((30,))
        hidden = dense(units, activation="relu")(dense(units, activation="tanh")(inputs))
        model = keras.Model(inputs, layers.Dense(10)(hidden))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.5), loss, jit_compile=False)
        told.append(([float(model.train_on_batch(x, y)) for _ in range(3)], model.get_weights()))
    (losses, weights), (others, keras_s) = told
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses, others, rtol=1e-5)
    for one, other in zip(weights, keras_s, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


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
