"""Networks from pictures to pictures: ``(batch, side, side, 3)`` in [0, 1] to the same.

- :func:`dense_autoencoder`: 1000-code-1000, the report's simple one;
- :func:`conv_autoencoder`: 3x3 convolutions 32-16, pooled to a quarter of each side, and back, the report's;
- :func:`conv_denoiser`: 32-32 and back with noise in front, of the tutorial of its time;
- :func:`residual_autoencoder`: this project's first: starts as PCA and corrects what comes back;
- :func:`picture_autoencoder`: this project's: convolutions add to the code as well;
- :func:`sound_autoencoder`: this project's of spectrograms, with convolutions beside the linear code both ways;
- :func:`residual_denoiser`: this project's: a small U-Net on 2 x 2 blocks of pixels;
- :func:`blind_denoiser`: the same for noise of any strength.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nnlab.models import products
from nnlab.models.layers import DeltaDense, DepthToSpace, Noise, NoiseGates, SpaceToDepth

Shape = tuple[int, int, int]
CONVOLUTION: dict[str, Any] = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
GROWN = 256  # units between a code and the coarsest level that is grown from it


# ---- the report's ------------------------------------------------------------------------------------


def dense_autoencoder(shape: Sequence[int], code: int, activation: str, *, hidden: str = "sigmoid") -> keras.Model:
    """1000 units, a code of ``code`` values, 1000 units.

    ``shape``: of one sample, without the batch; ``hidden`` and ``activation``: Keras's names of the activations of
    the hidden layers and of the output.
    """
    samples = keras.Input(tuple(shape))
    x = layers.Dense(1000, activation=hidden)(layers.Flatten()(samples))
    x = layers.Dense(code, activation=hidden, name="code")(x)  # (batch, code)
    x = layers.Dense(1000, activation=hidden)(x)
    return keras.Model(samples, _output(products.Dense(int(np.prod(shape)))(x), activation, shape))


def conv_autoencoder(shape: Sequence[int], activation: str) -> keras.Model:
    """Convolutions of 32 and 16, each pooled; the code is ``side / 4 * side / 4 * 16`` values."""
    return _pooled(keras.Input(tuple(shape)), None, (32, 16), activation)


def conv_denoiser(shape: Sequence[int], activation: str, noise: Noise) -> keras.Model:
    """Convolutions of 32 and 32, each pooled, behind noise in training."""
    return _pooled(keras.Input(tuple(shape)), noise, (32, 32), activation)


def _pooled(samples: Any, noise: Noise | None, widths: Sequence[int], activation: str) -> keras.Model:
    x = samples if noise is None else noise(samples)
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    for width in reversed(widths):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(samples.shape[-1], 3, padding="same")(x)
    return keras.Model(samples, _output(x, activation, samples.shape[1:]))


def _output(x: Any, activation: str, shape: Sequence[int]) -> Any:
    """Values in the shape and the activation asked for; softmax is over the last axis."""
    x = layers.Reshape(tuple(shape))(x) if tuple(x.shape[1:]) != tuple(shape) else x
    return layers.Activation(activation, name="output")(x)


def encoder(model: keras.Model) -> keras.Model:
    """The part of an autoencoder up to its code: samples ``(batch, …)`` to ``(batch, code)``.

    The code is the layer of that name; of :func:`conv_autoencoder` it is what the last pooling leaves, row by row.
    """
    named = [layer for layer in model.layers if layer.name == "code"]
    pooled = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
    code: Any = (named or pooled)[-1].output
    return keras.Model(model.inputs[0], code if named else layers.Flatten()(code))


# ---- this project's ----------------------------------------------------------------------------------


def residual_denoiser(shape: Shape, noise: Noise, *, widths: Sequence[int] = (24, 64, 128)) -> keras.Model:
    """Half of the noisy picture, corrected by a U-Net on its 2 x 2 blocks.

    ``shape``: height and width (even) and channels; ``noise``: what is added in training; ``widths``: channels of the
    U-Net at each level.
    """
    noisy = keras.Input(shape)
    x = layers.Rescaling(1.0, offset=-0.5)(noise(noisy))
    blocks = SpaceToDepth()(x)  # (batch, side / 2, side / 2, 12)
    correction = _u_net(blocks, widths, (0, 2, 2), (0, 1, 0), blocks.shape[-1])
    half = layers.Dense(blocks.shape[-1], kernel_initializer=keras.initializers.Identity(0.5))(blocks)
    x = DepthToSpace()(layers.add([correction, half]))
    return keras.Model(noisy, layers.Rescaling(1.0, offset=0.5, name="output")(x))


def blind_denoiser(
    shape: Shape,
    noise: Noise,
    *,
    widths: Sequence[int] = (24, 64, 128),
    scales: Sequence[float] = (0.25, 0.08, 0.025),
    is_bounded: bool = True,
) -> keras.Model:
    """The same for noise of any strength, which it estimates in each picture.

    Before training it gives back ``s² / (s² + v)`` of the picture (less its middle, grey), with ``v`` the estimated
    variance of the noise and ``s`` the first of the ``scales``. It learns a product of the 2 x 2 blocks with a matrix
    for each scale, weighed by :class:`NoiseGates`, and two corrections of the U-Net, the second for little noise.

    ``is_bounded``: the estimate stays within what ``noise`` teaches, as of less the network does not know what to make.
    """
    low, high = noise.sigma, noise.most or noise.sigma
    if noise.clip:
        low = min(low, 0.5)  # clipped, a deviation of 0.5 is estimated as 0.26 to 0.38, and of 5 as hardly more
    bounds = (0.5 * low, 1.25 * high + 0.05) if is_bounded else None
    noisy = keras.Input(shape)
    blocks = SpaceToDepth()(layers.Rescaling(1.0, offset=-0.5)(noise(noisy)))
    channels = blocks.shape[-1]
    gates = NoiseGates(scales, bounds)(blocks)  # (batch, side / 2, side / 2, scales)
    first, *others = [layers.multiply([blocks, gates[..., k : k + 1]]) for k in range(len(scales))]
    identity, zeros = keras.initializers.Identity(), keras.initializers.Zeros()
    linear = layers.Dense(channels, kernel_initializer=identity)(first)
    rest = layers.Dense(channels, kernel_initializer=zeros, use_bias=False)(layers.concatenate([*others, blocks]))
    estimated = gates[:, :1, :1]
    both = _u_net(layers.concatenate([blocks, gates]), widths, (0, 2, 2), (0, 1, 0), 2 * channels, estimated)
    more, little = ops.split(both, 2, axis=-1)  # not two slices, whose gradients are written in full and added
    x = DepthToSpace()(layers.add([linear, rest, more, layers.multiply([little, gates[..., :1]])]))
    return keras.Model(noisy, layers.Rescaling(1.0, offset=0.5, name="output")(x))


def residual_autoencoder(
    shape: Shape,
    code: int,
    *,
    widths: Sequence[int],
    down_blocks: Sequence[int],
    up_blocks: Sequence[int],
    gain: float = 1.0,
) -> keras.Model:
    """Principal components both ways, and a U-Net that adds to their picture what goes with it.

    Before training (after :func:`init_from_pca`) it is PCA to rounding.

    ``shape``: height and width (even) and channels; ``code``: values of the code, each of variance one; ``widths``,
    ``down_blocks``, ``up_blocks``: channels and residual blocks of the U-Net at each level; ``gain`` brings the
    linear picture to a variance near one for it.
    """
    values = int(np.prod(shape))
    samples = keras.Input(shape)
    encoded = DeltaDense(values, code, name="code")(layers.Flatten()(samples))  # (batch, code)
    return keras.Model(samples, _corrected(encoded, shape, widths, down_blocks, up_blocks, gain))


def picture_autoencoder(
    shape: Shape,
    code: int,
    *,
    widths: Sequence[int],
    down_blocks: Sequence[int],
    up_blocks: Sequence[int],
    gain: float,
    grown: bool = False,
) -> keras.Model:
    """The same, with convolutions that add to the code what goes with it.

    ``grown``: the coarsest level of the U-Net is told the code itself, not only what PCA makes of it. Before training
    it is PCA to rounding as well: what is added to the code starts at zero.
    """
    samples = keras.Input(shape)
    x = SpaceToDepth()(layers.Rescaling(gain, offset=-0.5 * gain)(samples))
    x = layers.Conv2D(64, 3, strides=2, **CONVOLUTION)(_conv(x, 32))
    x = layers.Conv2D(32, 1, **CONVOLUTION)(layers.add([x, _conv(x, 64)]))
    encoded = _code_of(samples, x, code)
    return keras.Model(samples, _corrected(encoded, shape, widths, down_blocks, up_blocks, gain, grown))


def _code_of(samples: Any, features: Any, code: int) -> Any:
    """The code ``(batch, code)``: a linear one of the samples, and what their features add, which starts at zero."""
    values = int(np.prod(samples.shape[1:]))
    added = layers.Dense(code, kernel_initializer="zeros")(layers.Flatten()(features))
    return layers.Add(name="code")([DeltaDense(values, code, name="linear_code")(layers.Flatten()(samples)), added])


def _corrected(
    encoded: Any,
    shape: Shape,
    widths: Sequence[int],
    down_blocks: Sequence[int],
    up_blocks: Sequence[int],
    gain: float,
    grown: bool = False,
) -> Any:
    """The linear picture of a code, and what a U-Net adds to it, which is told the code as well if ``grown``."""
    linear = layers.Reshape(shape)(DeltaDense(encoded.shape[-1], int(np.prod(shape)), name="reconstruction")(encoded))
    blocks = SpaceToDepth()(layers.Rescaling(gain, offset=-0.5 * gain)(linear))
    code = encoded if grown else None
    correction = DepthToSpace()(_u_net(blocks, widths, down_blocks, up_blocks, blocks.shape[-1], code=code))
    return layers.add([linear, layers.Rescaling(0.1 * 3.0 / gain)(correction)])


def sound_autoencoder(shape: Shape, code: int, *, widths: tuple[int, int, int] = (32, 48, 64)) -> keras.Model:
    """Principal components both ways, and convolutions that add to the code, and to the spectrogram, what goes with it.

    Before training (after :func:`init_from_pca`) it is PCA to rounding: what is added to the code and to the
    spectrogram starts at zero.

    ``shape``: frames (even), bands (even) and 1; ``code``: values of the code; ``widths``: channels at a half, a
    quarter and an eighth of each side.
    """
    values = int(np.prod(shape))
    samples = keras.Input(shape)
    heard = [layers.Conv2D(widths[0], 5, **CONVOLUTION)(SpaceToDepth()(samples))]
    for width in widths[1:]:
        heard.append(layers.Conv2D(width, 3, strides=2, **CONVOLUTION)(heard[-1]))
    encoded = _code_of(samples, heard[-1], code)
    picture = layers.Reshape(shape)(DeltaDense(code, values, name="reconstruction")(encoded))
    inner = heard[-1].shape[1:]
    x = layers.Dense(int(np.prod(inner)), activation="relu", kernel_initializer="he_normal")(encoded)
    x = _conv(layers.Reshape(inner)(x), widths[2])
    x = _cropped(layers.Conv2DTranspose(widths[1], 2, strides=2, activation="relu")(x), heard[1])
    x = layers.add([x, _conv(x, widths[1])])
    x = _cropped(layers.Conv2DTranspose(widths[0], 2, strides=2)(x), heard[0])
    beside = layers.Conv2D(widths[0], 3, padding="same", kernel_initializer="he_normal")(SpaceToDepth()(picture))
    x = layers.Activation("relu")(layers.add([x, beside]))
    x = layers.add([x, _conv(x, widths[0])])
    x = layers.Conv2D(4 * shape[-1], 3, padding="same", kernel_initializer="zeros")(x)
    return keras.Model(samples, layers.add([picture, layers.Rescaling(0.3)(DepthToSpace()(x))]))


def init_from_pca(model: keras.Model, mean: Any, components: Any, deviation: Any) -> None:
    """Set the linear path of one of this project's autoencoders to principal components.

    ``mean`` ``(values,)``, ``components`` ``(values, n)`` and the ``deviation`` of each ``(n,)``, as
    :class:`nnlab.evaluation.pca.Pca` has them; where ``n`` is less than the code, the rest of it stays zero.
    """
    names = {layer.name for layer in model.layers}
    code = model.get_layer("linear_code" if "linear_code" in names else "code")
    reconstruction = model.get_layer("reconstruction")
    n = components.shape[1]
    forward = np.zeros(code.initial.shape, "float32")
    forward[:, :n] = components / np.maximum(deviation, 1e-6)
    backward = np.zeros(reconstruction.initial.shape, "float32")
    backward[:n] = (components * np.maximum(deviation, 1e-6)).T
    code.initial.assign(forward)
    code.offset.assign(-mean @ forward)
    reconstruction.initial.assign(backward)
    reconstruction.offset.assign(mean)


def _u_net(
    x: Any,
    widths: Sequence[int],
    down_blocks: Sequence[int],
    up_blocks: Sequence[int],
    channels: int,
    known: Any = None,
    code: Any = None,
) -> Any:
    """A U-Net (Ronneberger, Fischer and Brox 2015) whose parts are added, not concatenated; its output starts at zero.

    ``down_blocks[level]`` and ``up_blocks[level]`` convolutions on the way down and up, each added to what it read.
    ``known`` ``(batch, 1, 1, n)``: what is known of the whole picture, by which each level is scaled (Perez and others
    2018). ``code`` ``(batch, n)``: what the coarsest level is grown from as well.
    """

    def scaled(x: Any) -> Any:
        if known is None:
            return x
        by = layers.Dense(x.shape[-1], kernel_initializer="zeros", bias_initializer="ones")(known)
        return layers.multiply([x, by])

    x = scaled(_conv(x, widths[0]))
    skips = []
    for level, width in enumerate(widths):
        if level:
            down = layers.Conv2D(width, 2, strides=2, padding="same", activation="relu", kernel_initializer="he_normal")
            x = scaled(down(x))
            if code is not None and level == len(widths) - 1:
                x = layers.Activation("relu")(layers.add([x, _grown(code, x.shape[1:])]))
        for _ in range(down_blocks[level]):
            x = layers.add([x, scaled(_conv(x, width))])
        skips.append(x)
    for level in reversed(range(len(widths) - 1)):
        x = _cropped(layers.Conv2DTranspose(widths[level], 2, strides=2)(x), skips[level])
        x = scaled(layers.add([x, skips[level]]))
        for _ in range(up_blocks[level]):
            x = layers.add([x, scaled(_conv(x, widths[level]))])
    return layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros")(x)


def _grown(code: Any, shape: tuple[int, ...]) -> Any:
    """What a code makes of the coarsest level ``(batch, *shape)``."""
    hidden = layers.Dense(GROWN, activation="relu", kernel_initializer="he_normal")(code)
    return layers.Reshape(shape)(layers.Dense(int(np.prod(shape)), kernel_initializer="he_normal")(hidden))


def _conv(x: Any, width: int) -> Any:
    return layers.Conv2D(width, 3, **CONVOLUTION)(x)


def _cropped(x: Any, other: Any) -> Any:
    """``x`` as large as ``other``: without the last row or column that halving an odd side and doubling it added."""
    surplus = [a - b for a, b in zip(x.shape[1:3], other.shape[1:3], strict=True)]
    return layers.Cropping2D(((0, surplus[0]), (0, surplus[1])))(x) if any(surplus) else x
