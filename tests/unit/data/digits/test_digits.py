"""Digits: MNIST by the search order, the user's own files in any form, and the sample."""

from __future__ import annotations

import gzip
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from nnlab.data import npz
from nnlab.data.digits import digits, idx
from nnlab.data.digits.digit_pictures import DigitForm, prepare_digit, read_picture
from nnlab.data.digits.drawn_digits import draw_digits
from nnlab.data.sources import datasets
from nnlab.errors import InputError, UsageError
from tests.unit.data.test_npz import with_member

RNG = np.random.default_rng(0)
ARRAYS = {
    "x_train": RNG.integers(0, 256, (40, 28, 28), dtype=np.uint8),
    "y_train": np.arange(40, dtype=np.uint8) % 10,
    "x_test": RNG.integers(0, 256, (20, 28, 28), dtype=np.uint8),
    "y_test": np.arange(20, dtype=np.uint8) % 10,
}


@pytest.fixture(scope="module")
def sample() -> digits.Digits:
    return digits.draw_sample()


def save(path, **changes):
    np.savez(path, **{**ARRAYS, **changes})
    return path


def arrays_of(data, **changes):
    """The arrays of digits, some changed, some pictures only."""
    part = {key: getattr(data, key)[:600] for key in digits.KEYS}
    return {**part, **changes}


def test_an_npz_is_read(tmp_path):
    read = digits.load(str(save(tmp_path / "mine.npz")))
    assert read.x_train.tobytes() == ARRAYS["x_train"].tobytes()
    assert read.y_test.tolist() == ARRAYS["y_test"].tolist()
    assert read.notes == (f"{tmp_path / 'mine.npz'}: {digits.AS_THEY_ARE}",)  # they are noise
    assert read.record() == {"name": str(tmp_path / "mine.npz"), "items": 60, "digest": read.digest}


@pytest.mark.parametrize(
    "changes",
    [
        {"x_test": ARRAYS["x_test"][..., None]},
        {"x_train": ARRAYS["x_train"].reshape(40, 784), "x_test": ARRAYS["x_test"].reshape(20, 784)},
        {"y_train": ARRAYS["y_train"][:, None], "y_test": np.eye(10)[ARRAYS["y_test"]]},
        {"y_train": ARRAYS["y_train"].astype(np.float64), "y_test": ARRAYS["y_test"].astype(np.int64)},
    ],
)
def test_arrays_of_another_shape_or_type_hold_the_same_digits(tmp_path, changes):
    assert (
        digits.load(str(save(tmp_path / "one.npz", **changes))).digest
        == digits.load(str(save(tmp_path / "other.npz"))).digest
    )


@pytest.mark.parametrize("form", [np.float32, np.float64, np.uint16, np.int32])
def test_numbers_of_any_range_are_scaled_and_told(tmp_path, form):
    x = {key: ARRAYS[key] for key in ("x_train", "x_test")}
    scaled = {key: (value / 255 if form in (np.float32, np.float64) else value * 257.0).astype(form)
              for key, value in x.items()}  # fmt: skip
    read = digits.load(str(save(tmp_path / "mine.npz", **scaled)))
    assert read.x_train.tobytes() == ARRAYS["x_train"].tobytes()
    assert read.x_test.tobytes() == ARRAYS["x_test"].tobytes()
    assert len(read.notes) == 2
    assert f"x_train and x_test hold {np.dtype(form)}" in read.notes[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"x_test": np.zeros((20, 14, 14), np.uint8)}, r"expected x_test of shape \(n, 28, 28\), got \(20, 14, 14\)"),
        ({"x_train": np.full((40, 28, 28), np.nan)}, "expected numbers in x_train, 31,360 of 31,360 are NaN"),
        ({"y_train": np.arange(40)}, "expected labels 0 to 9 in y_train, got 0 to 39"),
        ({"y_train": np.full(40, 0.5)}, "expected labels 0 to 9 in y_train, got 0.5 to 0.5"),
        ({"y_train": np.full(40, np.nan)}, "expected labels 0 to 9 in y_train, 40 of 40 are not a number"),
        ({"y_test": np.zeros(3, np.uint8)}, r"expected y_test of shape \(20,\), got \(3,\)"),
        ({"y_test": np.zeros((20, 3), np.uint8)}, r"expected y_test of shape \(n,\), got \(20, 3\)"),
        ({"y_train": np.array(["one"] * 40)}, "expected numbers in y_train, got <U3"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, "at least 10 pictures"),
    ],
)
def test_a_wrong_array_is_named(tmp_path, changes, says):
    with pytest.raises(InputError, match=says):
        digits.load(str(save(tmp_path / "mine.npz", **changes)))


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((28, 28, 40), "Its axes are in another order: x_train = x_train.transpose(2, 0, 1)"),
        ((40, 1, 28, 28), "Its axes are in another order: x_train = x_train.transpose(0, 2, 3, 1)"),
        ((784, 40), "Its axes are in another order: x_train = x_train.transpose(1, 0)"),
        ((40, 28, 28, 3), "Make it grey: x_train = x_train.mean(axis=-1)"),
        ((40, 32, 32), "Resize the pictures"),
        ((40,), "Resize the pictures"),
    ],
)
def test_the_hint_of_a_wrong_shape_makes_it_right(tmp_path, shape, hint):
    x = np.arange(np.prod(shape)).reshape(shape) % 256
    with pytest.raises(InputError) as caught:
        digits.load(str(save(tmp_path / "mine.npz", x_train=x.astype(np.uint8))))
    assert caught.value.hint == hint
    if " = " in hint:
        given = {"x_train": x}
        exec(hint.partition(": ")[2], given)
        assert digits.load(str(save(tmp_path / "mine.npz", x_train=given["x_train"]))).x_train.shape == (40, 28, 28)


@pytest.mark.parametrize(
    ("y", "hint"),
    [
        (1 + np.arange(40) % 10, "Where 10 is the digit 0: y_train = y_train % 10"),
        ((np.arange(40) % 10).astype(str), "Where they are digits as text: y_train = y_train.astype(int)"),
        (np.where(np.arange(40) < 3, np.nan, 1.0), "Leave them out, with their pictures"),
    ],
)
def test_the_hint_of_wrong_labels_makes_them_right(tmp_path, y, hint):
    with pytest.raises(InputError) as caught:
        digits.load(str(save(tmp_path / "mine.npz", y_train=y)))
    assert caught.value.hint == hint
    if " = " in hint:
        given = {"y_train": y}
        exec(hint.partition(": ")[2], given)
        read = digits.load(str(save(tmp_path / "mine.npz", y_train=given["y_train"])))
        assert read.y_train.tolist() == (y.astype(int) % 10).tolist()


@pytest.mark.parametrize("layout", ["folders", "a table", "a table in a folder", "no names of columns"])
def test_the_lines_in_place_of_an_npz_make_one(tmp_path, monkeypatch, sample, layout):
    """Folders 0 to 9 of pictures, and Kaggle's table, are the commonest of all."""
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    x, y = sample.x_test[:120], sample.y_test[:120]
    place = tmp_path / "set"
    place.mkdir()
    if layout == "folders":
        for number, (picture, label) in enumerate(zip(x, y, strict=True)):
            (place / str(label)).mkdir(exist_ok=True)
            Image.fromarray(picture).save(place / str(label) / f"{number}.png")
        says = "expected an .npz file or the four IDX files of MNIST, found 120 pictures"
    else:
        names = "" if layout == "no names of columns" else ",".join(["label", *(f"pixel{n}" for n in range(784))])
        rows = np.concatenate([y[:, None], x.reshape(120, 784)], axis=1)
        np.savetxt(place / "train.csv", rows, "%d", ",", header=names, comments="")
        if not names:
            (place / "train.csv").write_text((place / "train.csv").read_text().lstrip("\n"))
        folder = layout == "a table in a folder"
        says = "found a CSV file" if folder else r"it cannot be read \(it is a CSV file\)"
        place = place if folder else place / "train.csv"
    with pytest.raises(InputError, match=says) as caught:
        digits.load(str(place))
    exec(str(caught.value.hint).partition(": ")[2], {})
    read = digits.load("digits.npz")
    assert (len(read.y_train), len(read.y_test)) == (100, 20)
    pictures, labels = np.concatenate([read.x_train, read.x_test]), np.concatenate([read.y_train, read.y_test])
    made, given = ({(a.tobytes(), int(b)) for a, b in zip(*pair, strict=True)} for pair in ((pictures, labels), (x, y)))
    assert made == given


def test_one_picture_is_no_set(tmp_path, sample):
    from PIL import Image

    Image.fromarray(sample.x_test[0]).save(tmp_path / "7.png")
    with pytest.raises(InputError, match=r"it cannot be read \(it is one picture\)"):
        digits.load(str(tmp_path / "7.png"))


def test_a_missing_array_a_truncated_file_and_a_pickle_are_named(tmp_path):
    np.savez(tmp_path / "half.npz", x_train=ARRAYS["x_train"])
    with pytest.raises(InputError, match=r"half\.npz: the array y_train is missing"):
        digits.load(str(tmp_path / "half.npz"))
    content = save(tmp_path / "whole.npz").read_bytes()
    for kept in (0, 50, len(content) // 2):
        (tmp_path / "cut.npz").write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"cut\.npz: expected an \.npz file, it cannot be read"):
            digits.load(str(tmp_path / "cut.npz"))
    save(tmp_path / "pickle.npz", y_test=np.array([{}] * 20, object))
    with pytest.raises(InputError, match=r"pickle\.npz: expected numbers in y_test, got object"):
        digits.load(str(tmp_path / "pickle.npz"))
    with pytest.raises(UsageError, match="there is nothing at nowhere"):
        digits.load("nowhere")
    with pytest.raises(InputError, match="expected a file, it is a device"):
        digits.load("/dev/null")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    for key in digits.KEYS:
        with_member(tmp_path / "bomb.npz", key, "(10000000, 28, 28)" if key[0] == "x" else "(10,)", "'|u1'")
    with pytest.raises(InputError, match="expected arrays of at most"):
        digits.load(str(tmp_path / "bomb.npz"))


def test_copies_of_test_digits_are_not_trained_on(tmp_path):
    x = ARRAYS["x_train"].copy()
    x[[3, 7]] = ARRAYS["x_test"][5]
    read = digits.load(str(save(tmp_path / "mine.npz", x_train=x)))
    assert (len(read.x_train), len(read.y_train), len(read.x_test)) == (38, 38, 20)
    assert read.y_train.tolist() == [label for k, label in enumerate(ARRAYS["y_train"].tolist()) if k not in (3, 7)]
    assert "2 of 40 pictures in x_train are copies of those in x_test" in read.notes[0]


def test_the_same_digits_twice_are_told(tmp_path):
    read = digits.load(str(save(tmp_path / "mine.npz", x_test=ARRAYS["x_train"], y_test=ARRAYS["y_train"])))
    assert len(read.x_train) == 40
    assert "40 of 40 pictures in x_train are copies of those in x_test: they stay, and what is" in read.notes[0]


def test_labels_that_contradict_each_other_are_told(tmp_path):
    x, y = ARRAYS["x_train"].copy(), ARRAYS["y_train"].copy()
    x[12], x[30] = x[1], ARRAYS["x_test"][5]  # 2 and 1; 0 and 5
    x[11] = x[1]  # 1 and 1
    read = digits.load(str(save(tmp_path / "mine.npz", x_train=x)))
    told = "5 digits are the same to the pixel as one of another label, the first 1 (y_train[1]) and 2 (y_train[12])"
    assert [note.partition(": ")[2] for note in read.notes if "another label" in note] == [told]
    y[12], y[30] = 1, 5
    read = digits.load(str(save(tmp_path / "mine.npz", x_train=x, y_train=y)))
    assert not [note for note in read.notes if "another label" in note]
    x[30] = ARRAYS["x_train"][30]
    y[12] = 9
    x[12] = ARRAYS["x_test"][4]
    read = digits.load(str(save(tmp_path / "mine.npz", x_train=x, y_train=y)))
    assert "the first 9 (y_train[12]) and 4 (y_test[4])" in "".join(read.notes)


def test_labels_that_tell_nothing_are_told(tmp_path):
    read = digits.load(str(save(tmp_path / "mine.npz", y_train=np.full(40, 3))))
    assert "every label in y_train is 3: there is nothing to tell apart" in read.notes[0]
    assert "y_test has labels that y_train has not: 0, 1, 2, 4" in read.notes[1]


# ---- one form for all --------------------------------------------------------------------------------


def test_dark_digits_on_light_are_inverted_and_told(tmp_path, sample):
    np.savez(tmp_path / "plain.npz", **arrays_of(sample))
    np.savez(
        tmp_path / "dark.npz",
        **arrays_of(sample, x_train=255 - sample.x_train[:600], x_test=(255 - sample.x_test[:600]) / 255),
    )
    plain, dark = (digits.load(str(tmp_path / f"{name}.npz")) for name in ("plain", "dark"))
    assert plain.notes == ()
    assert plain.x_train.tobytes() == sample.x_train[:600].tobytes()
    assert dark.digest == plain.digest
    assert dark.form == plain.form
    for note, name in zip(dark.notes[-2:], ("x_train", "x_test"), strict=True):
        assert f"{name}: its digits are dark on light: inverted" in note


def test_what_predict_reads_is_what_a_network_on_dark_digits_was_trained_on(tmp_path, sample):
    """A picture of a training digit as it lay in its file, dark on light, comes back as the digit trained on."""
    from PIL import Image

    np.savez(tmp_path / "dark.npz", **arrays_of(sample, x_train=255 - sample.x_train[:600],
                                                x_test=255 - sample.x_test[:600]))  # fmt: skip
    read = digits.load(str(tmp_path / "dark.npz"))
    rows = read.x_train[30:].reshape(len(read.x_train) - 30, -1).astype(np.float32)

    def told(digit) -> int:
        """The label of the nearest of the others, wherever it lies."""
        shifted = [np.roll(digit, (up, left), (0, 1)).ravel() for up in range(-2, 3) for left in range(-2, 3)]
        distance = np.linalg.norm(rows[None] - np.array(shifted, np.float32)[:, None], axis=2).min(axis=0)
        return int(read.y_train[30 + distance.argmin()])

    right = plain = 0
    for number in range(30):
        light, dark = (
            prepare_digit(Image.fromarray(picture).convert("RGB"), read.form).astype(np.float32)
            for picture in (sample.x_train[number], 255 - sample.x_train[number])
        )
        assert np.abs(light - dark).mean() < 1
        right += told(dark) == read.y_train[number]
        plain += told(read.x_train[number]) == read.y_train[number]
    assert plain >= 24
    assert right >= plain - 2  # not inverted, 3


def noisy(pictures):
    """Digits on grey paper, with noise in every pixel."""
    noise = np.random.default_rng(0).normal(0, 40, pictures.shape)
    return np.clip(pictures * 0.7 + 40 + noise, 0, 255).astype(np.uint8)


def filled(pictures):
    """Shapes without strokes, as clothes are: what is within 9 pixels of the digit, in a tone of its own."""
    from scipy.ndimage import binary_fill_holes, gaussian_filter, maximum_filter

    grain = gaussian_filter(np.random.default_rng(0).normal(0, 150, pictures.shape), (0, 1, 1))
    shapes = np.stack([binary_fill_holes(mask) for mask in maximum_filter(pictures, (1, 9, 9)) > 60])
    return (shapes * np.clip(150 + grain, 30, 255)).astype(np.uint8)


@pytest.mark.parametrize("make", [noisy, filled])
@pytest.mark.parametrize("dark", [False, True])
def test_pictures_whose_ink_is_not_found_are_taken_as_they_are(tmp_path, sample, make, dark):
    """What predict reads of a test picture is, to the pixel, what the network was tested with."""
    from PIL import Image

    x = {key: make(getattr(sample, key)[:600]) for key in ("x_train", "x_test")}
    given = {key: 255 - value if dark and make is filled else value for key, value in x.items()}
    np.savez(tmp_path / "mine.npz", **arrays_of(sample, **given))
    read = digits.load(str(tmp_path / "mine.npz"))
    assert read.notes[-1] == f"{tmp_path / 'mine.npz'}: {digits.AS_THEY_ARE}"
    form = DigitForm.from_record(json.loads(json.dumps(read.form.record())))
    told: list[str] = []
    for number in range(20):
        Image.fromarray(given["x_test"][number]).save(tmp_path / "one.png")
        back = read_picture(tmp_path / "one.png", form, told.append)
        assert back.tobytes() == read.x_test[number].tobytes()
    assert told == []
    Image.fromarray(given["x_test"][0]).resize((90, 60)).save(tmp_path / "one.png")
    read_picture(tmp_path / "one.png", form, told.append)
    assert told[0] == "90 × 60 pixels: only pictures of 28 × 28 are taken as those of training were"
    Image.new("L", (28, 28), 9).save(tmp_path / "empty.png")
    with pytest.raises(InputError, match="the picture is empty"):
        read_picture(tmp_path / "empty.png", form)


def changed(pictures, how: str):
    """Digits as other people have them."""
    from PIL import Image

    def zoomed(part, side):
        small = np.stack([np.asarray(Image.fromarray(one).resize((side, side))) for one in part])
        room = (28 - side) // 2
        return np.pad(small, ((0, 0), (room, room), (room, room)))

    return {
        "dark": lambda: 255 - pictures,
        "on its side": lambda: np.ascontiguousarray(pictures.transpose(0, 2, 1)),
        "cropped": lambda: zoomed(pictures[:, 4:24, 4:24], 28),
        "smaller": lambda: zoomed(pictures, 18),
        "black and white": lambda: (pictures > 127) * np.uint8(255),
    }[how]()


@pytest.mark.parametrize("how", ["dark", "on its side", "cropped", "smaller", "black and white"])
def test_digits_of_strokes_are_prepared_however_they_lie(tmp_path, sample, how):
    np.savez(tmp_path / "mine.npz", **arrays_of(sample, x_train=changed(sample.x_train[:600], how),
                                                x_test=changed(sample.x_test[:600], how)))  # fmt: skip
    read = digits.load(str(tmp_path / "mine.npz"))
    assert read.form.taken == "prepared"
    assert not any(digits.AS_THEY_ARE in note for note in read.notes)


@pytest.mark.parametrize(("tested", "inverted"), [(20, False), (200, True)])
def test_few_test_digits_are_taken_as_the_training_digits_are(tmp_path, sample, tested, inverted):
    """One in ten dark on light may be bold digits, which training keeps as they are; of two hundred it is no chance."""
    x_test = np.resize(sample.x_test, (tested, 28, 28)).copy()
    x_test[::10] = 255 - x_test[::10]
    y_test = np.resize(sample.y_test, tested)
    np.savez(tmp_path / "few.npz", **arrays_of(sample, x_test=x_test, y_test=y_test))
    read = digits.load(str(tmp_path / "few.npz"))
    assert (read.x_test[0].tobytes() != x_test[0].tobytes()) == inverted


def test_a_set_of_both_kinds_is_inverted_one_by_one(tmp_path, sample):
    x = sample.x_train[:600].copy()
    x[::3] = 255 - x[::3]
    np.savez(tmp_path / "mixed.npz", **arrays_of(sample, x_train=x))
    read = digits.load(str(tmp_path / "mixed.npz"))
    assert (read.x_train == sample.x_train[:600]).all(axis=(1, 2)).mean() > 0.98
    assert "of its digits are dark on light: inverted" in read.notes[0]


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (lambda x: x.transpose(0, 2, 1), "transposed"),
        (lambda x: np.rot90(x, 1, (1, 2)), "transposed, mirrored"),
        (lambda x: x[:, :, ::-1], "mirrored"),
        (lambda x: x, ""),
    ],
)
def test_digits_that_are_not_upright_are_turned_and_told(tmp_path, sample, turn, told):
    np.savez(tmp_path / "turned.npz", **arrays_of(sample, x_train=turn(sample.x_train[:600]),
                                                  x_test=turn(sample.x_test[:600])))  # fmt: skip
    read = digits.load(str(tmp_path / "turned.npz"))
    assert read.x_train.tobytes() == sample.x_train[:600].tobytes()
    assert read.x_test.tobytes() == sample.x_test[:600].tobytes()
    assert len(read.notes) == 2 * bool(told)
    for note, name in zip(read.notes, ("x_train", "x_test"), strict=False):
        assert f"{name}: its digits are not upright ({told})" in note


def test_each_array_is_judged_by_itself(tmp_path, sample):
    x_train, x_test = sample.x_train[:600], sample.x_test[:600]
    for changes, says in (
        ({"x_train": 255 - x_train}, ["x_train: its digits are dark on light: inverted"]),
        ({"x_test": 255 - x_test}, ["x_test: its digits are dark on light: inverted"]),
        ({"x_train": x_train.transpose(0, 2, 1)}, ["x_train: its digits are not upright (transposed)"]),
        ({"x_test": x_test[:, :, ::-1]}, ["x_test: its digits are not upright (mirrored)"]),
        (
            {"x_train": np.rot90(255 - x_train, 1, (1, 2))},
            ["x_train: its digits are dark on light", "x_train: its digits are not upright (transposed, mirrored)"],
        ),
    ):
        np.savez(tmp_path / "one.npz", **arrays_of(sample, **changes))
        read = digits.load(str(tmp_path / "one.npz"))
        assert read.x_train.tobytes() == x_train.tobytes()
        assert read.x_test.tobytes() == x_test.tobytes()
        assert [note.partition(": ")[2][: len(said)] for note, said in zip(read.notes, says, strict=True)] == says


def test_few_test_digits_are_turned_as_those_to_train_with(tmp_path, sample):
    changes = {"x_train": sample.x_train[:600, :, ::-1], "x_test": sample.x_test[:50, :, ::-1]}
    np.savez(tmp_path / "few.npz", **arrays_of(sample, **changes, y_test=sample.y_test[:50]))
    read = digits.load(str(tmp_path / "few.npz"))
    assert read.x_train.tobytes() == sample.x_train[:600].tobytes()
    assert read.x_test.tobytes() == sample.x_test[:50].tobytes()


def test_real_mnist_transposed_as_emnist_is(mnist):
    x, y = mnist.x_train[:3000], mnist.y_train[:3000]
    assert digits._orientation(x, y) == digits.UPRIGHT
    assert digits._orientation(x.transpose(0, 2, 1), y) == (True, False, False)
    for first in range(0, 3000, 150):
        assert digits._orientation(x[first : first + 150], y[first : first + 150]) == digits.UPRIGHT
    assert digits._orientation(x[:50].transpose(0, 2, 1), y[:50]) == digits.UPRIGHT  # too few to tell


# ---- IDX ---------------------------------------------------------------------------------------------

CODES = {"|u1": 8, "|i1": 9, "<i2": 11, "<i4": 12, "<f4": 13, "<f8": 14}


def to_idx(array) -> bytes:
    head = b"\0\0" + bytes([CODES[array.dtype.str], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_four(folder, names, *, zipped=False, arrays=ARRAYS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, key in zip(names, digits.KEYS, strict=True):
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        content = to_idx(arrays[key])
        path.write_bytes(gzip.compress(content) if zipped else content)


NAMED = [
    idx.NAMES,
    tuple(f"{name}.gz" for name in idx.NAMES),
    tuple(name.replace("-idx", ".idx") for name in idx.NAMES),
    tuple(name.upper() for name in idx.NAMES),
    tuple(f"emnist-digits-{name.replace('t10k', 'test')}.gz" for name in idx.NAMES),
    tuple(f"MNIST/raw/{name}" for name in idx.NAMES),
    tuple(f"{name}/{name}" for name in idx.NAMES),  # as one archive unpacks
]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("names", NAMED)
def test_idx_files_by_any_name_gzipped_by_their_contents(tmp_path, names, zipped):
    write_four(tmp_path / "set", names, zipped=zipped)
    read = digits.load(str(tmp_path / "set"))
    assert read.x_test.tobytes() == ARRAYS["x_test"].tobytes()
    assert read.y_train.tolist() == ARRAYS["y_train"].tolist()


def test_idx_of_other_numbers(tmp_path):
    arrays = {
        **ARRAYS,
        "x_train": (ARRAYS["x_train"] / 255).astype(np.float32),
        "y_test": ARRAYS["y_test"] * np.int32(1),
    }
    write_four(tmp_path, idx.NAMES, arrays=arrays)
    assert digits.load(str(tmp_path)).x_train.tobytes() == ARRAYS["x_train"].tobytes()


def test_idx_files_that_are_wrong_are_named(tmp_path):
    write_four(tmp_path, idx.NAMES)
    first = tmp_path / idx.NAMES[0]
    whole = first.read_bytes()
    for content, says in (
        (whole[:-7], r"train-images-idx3-ubyte: expected 31,360 bytes of data, got 31,353"),
        (whole + b"x", "expected 31,360 bytes of data, got more"),
        (b"not idx", "expected an IDX file"),
        (b"", "expected an IDX file"),
        (b"\0\0\x08\x03\0", "expected an IDX file"),
        (b"\0\0\x08\xff" + b"\xff" * 2000, "expected"),
        (gzip.compress(whole)[:-9], "expected an IDX file, it cannot be read"),
        (b"\x1f\x8b" + bytes(20), "expected an IDX file, it cannot be read"),
        (gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 28, 28) + bytes(9000)), "expected at most"),
    ):
        first.write_bytes(content)
        with pytest.raises(InputError, match=says):
            digits.load(str(tmp_path))
    first.unlink()
    with pytest.raises(InputError, match=r"expected train-images-idx3-ubyte or train-images-idx3-ubyte\.gz in it"):
        digits.load(str(tmp_path))


def test_one_idx_file_and_two_sets_are_told(tmp_path):
    write_four(tmp_path / "a", idx.NAMES)
    with pytest.raises(InputError, match=r"it is one file of IDX"):
        digits.load(str(tmp_path / "a" / idx.NAMES[0]))
    write_four(tmp_path / "a", tuple(f"emnist-letters-{name}" for name in idx.NAMES))
    with pytest.raises(InputError, match="found several"):
        digits.load(str(tmp_path / "a"))


# ---- MNIST and the sample ----------------------------------------------------------------------------


def test_real_mnist_is_what_it_should_be(mnist):
    measured = datasets.KNOWN["mnist"].measured
    assert measured is not None
    assert mnist.digest == measured.contents
    assert (len(mnist.x_train), len(mnist.x_test), mnist.notes) == (60_000, 10_000, ())


def test_the_sample_is_the_same_each_time_and_has_every_digit():
    first, again = draw_digits(250, 0), draw_digits(250, 0)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[0].tobytes() != draw_digits(250, 1)[0].tobytes()
    assert np.bincount(first[1], minlength=10).min() >= 15
    assert 20 < first[0].mean() < 50  # MNIST: 33
    assert len(np.unique(first[0].reshape(250, -1), axis=0)) == 250


def test_the_sample_is_drawn_once(monkeypatch, tmp_path):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path))
    calls = []

    def draw(*args):
        calls.append(args)
        return draw_digits(*args)

    monkeypatch.setattr(digits, "draw_digits", draw)
    first, again = digits.draw_sample(30, 10), digits.draw_sample(30, 10)
    assert calls == [(40, 0)]
    assert (first.digest, first.form, len(again.x_test)) == (again.digest, again.form, 10)
    digits.draw_sample(30, 10, seed=1)
    assert len(calls) == 2


def test_limits_are_those_of_all_arrays():
    assert npz.ALWAYS == 1 << 30


def test_validation_is_the_last_of_the_training_digits_and_no_copy_of_it_is_trained_on():
    drawn = digits.draw_sample(600, 50)
    x = drawn.x_train.copy()
    x[3] = x[599]  # a copy of a validation digit
    split = digits.with_validation(replace(drawn, x_train=x), 1 / 6)
    assert split.x_validation is not None
    assert np.array_equal(split.x_validation, x[500:])
    assert np.array_equal(split.x_train, np.delete(x[:500], 3, axis=0))
    assert np.array_equal(split.y_train, np.delete(drawn.y_train[:500], 3))
    assert "1 training digits are copies of validation's: not trained on" in split.notes[0]
    assert split.watched[0] == "val"
    assert digits.with_validation(drawn, 0) is drawn
    assert drawn.watched[0] == "test"


def test_validation_of_a_set_sorted_by_class_is_told():
    drawn = digits.draw_sample(100, 50)
    order = np.argsort(drawn.y_train, kind="stable")
    y = drawn.y_train[order]
    split = digits.with_validation(replace(drawn, x_train=drawn.x_train[order], y_train=y), 0.3)
    unknown = sorted(set(y[70:].tolist()) - set(y[:70].tolist()))
    assert 9 in unknown
    said = f"its last digits are validation, with labels that the others have not: {', '.join(map(str, unknown))}"
    assert said in split.notes[-1]
