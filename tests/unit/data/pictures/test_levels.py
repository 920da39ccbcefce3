"""Numbers of any range as 8 bits: what is taken for black and white, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.pictures.levels import Levels, to_uint8
from nnlab.errors import InputError


@pytest.mark.parametrize(
    ("low", "high", "whole", "levels"),
    [
        (0, 1, True, (0, 1)),
        (0.0, 0.7, False, (0, 1)),
        (0, 200, True, (0, 255)),
        (0, 15, True, (0, 15)),  # 4 bits
        (0, 1000, True, (0, 1023)),
        (3, 4000, True, (0, 4095)),
        (0, 16_000, True, (0, 16_383)),
        (0, 40_000, True, (0, 65_535)),
        (0, 2**31 - 1, True, (0, 2**31 - 1)),
        (-1.0, 1.0, False, (-1, 1)),
        (-128, 127, True, (-128, 127)),
        (-30_000, 30_000, True, (-32_768, 32_767)),
        (-1, 255, True, (-1, 255)),  # a mark for what is missing, not signed numbers
        (-0.42, 2.82, False, (-0.42, 2.82)),  # MNIST, standardised
        (5.0, 5.0, False, (0, 5)),
        (-3.0, -3.0, False, (-3, 0)),  # nothing divides by their difference
        (-9e18, -9e18, True, (-9e18, 0)),
    ],
)
def test_levels_of_a_range(low, high, whole, levels):
    assert (Levels.of(low, high, whole=whole).black, Levels.of(low, high, whole=whole).white) == levels


def test_numbers_scaled_there_and_back():
    x = np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    x[0, 0, :2] = 0, 255
    forms: dict[str, np.ndarray] = {
        "share": (x / 255).astype(np.float32),
        "half": (x / 255).astype(np.float16),
        "float": x.astype(np.float64),
        "deep": x.astype(np.uint16) * 257,
        "int": x.astype(np.int64),
        "signed": (x.astype(np.int16) - 128).astype(np.int8),
        "tanh": (x / 127.5 - 1).astype(np.float32),
        "standardised": ((x / 255 - 0.1307) / 0.3081).astype(np.float32),
    }
    for name, form in forms.items():
        (back,), notes = to_uint8({"x_train": form})
        assert back.dtype == np.uint8
        assert back.tobytes() == x.tobytes(), name
        assert len(notes) == 1
        assert "x_train" in notes[0]
        assert str(form.dtype) in notes[0]
    (back,), notes = to_uint8({"x": x})
    assert (back is x, notes) == (True, [])
    (back,), notes = to_uint8({"x": (x > 99).astype(np.uint8)})
    assert set(np.unique(back)) == {0, 255}
    (back,), _ = to_uint8({"x": x > 99})
    assert set(np.unique(back)) == {0, 255}


def test_arrays_of_one_type_share_a_scale():
    dark, full = np.full((2, 4, 4), 40.0, np.float32), np.full((2, 4, 4), 200.0, np.float32)
    (train, test), notes = to_uint8({"x_train": dark, "x_test": full})
    assert (train.max(), test.max(), len(notes)) == (40, 200, 1)
    (train, test), notes = to_uint8({"x_train": dark / 80, "x_test": full.astype(np.float64)})
    assert (train.max(), test.max(), len(notes)) == (128, 200, 2)


@pytest.mark.parametrize(
    ("dtype", "dark", "light", "hint"),
    [
        (np.uint8, 1, 255, "Multiply x_test by 255"),
        (np.float32, 0.9, 255, "Multiply x_test by 255"),
        (np.float32, 1, 65_535, "Multiply x_test by 65,535"),
        (np.uint16, 240, 60_000, "Multiply x_test by 257"),
    ],
)
def test_arrays_of_two_scales_are_refused(dtype, dark, light, hint):
    shares = np.random.default_rng(0).random((4, 8, 8))
    shares[0, 0, :2] = 0, 1
    arrays = {"x_train": (shares * light).astype(dtype), "x_test": (shares.round() * dark).astype(dtype)}
    with pytest.raises(InputError) as told:
        to_uint8(arrays)
    assert told.value.message == (
        f"expected x_train and x_test on one scale, x_test holds 0 to {arrays['x_test'].max():.6g}, "
        f"x_train 0 to {light:,}"
    )
    assert told.value.hint == hint
    with pytest.raises(InputError):
        to_uint8({"x_train": arrays["x_test"], "x_test": arrays["x_train"]})


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-0.42, 2.82)])
def test_numbers_around_0_beside_8_bits_are_not_told_to_be_multiplied(low, high):
    with pytest.raises(InputError) as told:
        to_uint8({"x_train": np.linspace(low, high, 64), "x_test": np.linspace(0, 255, 64)})
    assert told.value.hint == "Bring both to 0 to 255"


def test_a_part_that_is_merely_darker_or_black_is_taken():
    full = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    specks = np.zeros((40, 8, 8), np.uint8)
    specks[0, 0, 0] = 1
    for dark in (full // 8, np.zeros_like(full), specks, full[:0]):
        (_, test), notes = to_uint8({"x_train": full, "x_test": dark})
        assert (test.tobytes(), notes) == (dark.tobytes(), [])
    deep, note = full.astype(np.uint16) * 257, "x_test holds 0 to 4,080, x_train 0 to 65,535: "
    (_, test), notes = to_uint8({"x_train": deep, "x_test": full.astype(np.uint16) * 16})
    assert (test.max(), notes[0]) == (16, f"{note}where they are on two scales, multiply x_test by 16")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_by_name(bad):
    x = np.ones((3, 2, 2))
    x[1, 1] = bad
    with pytest.raises(InputError, match=r"expected numbers in x_test, 2 of 12 are NaN or infinite") as told:
        to_uint8({"x_train": np.ones((3, 2, 2)), "x_test": x})
    assert told.value.hint.endswith("x_test[~numpy.isfinite(x_test)] = 0")


def test_levels_from_a_record():
    assert Levels.from_record(Levels(0, 4095).record()) == Levels(0, 4095)
    assert Levels.from_record(None) is None
    for record in ("01", ["0", "1"], [False, True], [0], [1, 1], ["a", "b"], [float("nan"), 1], 5, [0, 1e300]):
        with pytest.raises((ValueError, TypeError)):
            Levels.from_record(record)
