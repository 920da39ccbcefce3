"""A picture of a digit as anybody has it: an independent classifier reads it as well as the digit it was made from."""

from __future__ import annotations

import collections
import io

import numpy as np
import pytest
from PIL import Image

from nnlab.data.digits import digit_pictures, digits
from nnlab.data.digits.digit_pictures import MNIST, DigitForm, prepare_digit, read_picture
from nnlab.data.pictures.pixels import open_picture
from nnlab.errors import InputError
from tests.unit.data.digits.digit_kinds import kinds, pen

FULL = 240  # grey levels: nearly full ink


class Nearest:
    """The label of the nearest training digit, by the angle between them: no code of nnlab."""

    def __init__(self, pictures, labels) -> None:
        self.rows, self.labels = self.scaled(pictures), labels

    @staticmethod
    def scaled(pictures):
        rows = np.stack(list(pictures)).reshape(len(pictures), -1).astype(np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)

    def __call__(self, pictures):
        return self.labels[(self.scaled(pictures) @ self.rows.T).argmax(axis=1)]


@pytest.fixture(scope="module")
def sample():
    return digits.draw_sample()


@pytest.fixture(scope="module")
def nearest(sample):
    return Nearest(sample.x_train, sample.y_train)


@pytest.fixture(scope="module")
def read(sample, nearest):
    """Six digits that the oracle knows as every kind of picture: {kind: six of (28, 28)}, and their labels."""
    known = nearest(sample.x_test) == sample.y_test
    chosen = [int(np.flatnonzero(known & (sample.y_test == label))[0]) for label in (0, 1, 2, 4, 5, 7)]
    rng = np.random.default_rng(0)
    pictures = collections.defaultdict(list)
    for number in chosen:
        for kind, picture in kinds(sample.x_test[number], rng).items():
            buffer = io.BytesIO()
            picture.save(buffer, "PNG")
            pictures[kind].append(prepare_digit(open_picture(buffer, alpha=True), sample.form))
    return pictures, sample.y_test[chosen]


def test_every_kind_of_picture_is_read_as_well_as_the_digit_itself(read, nearest):
    pictures, labels = read
    right = {kind: int((nearest(given) == labels).sum()) for kind, given in pictures.items()}
    assert len(right) == 26
    assert {kind: count for kind, count in right.items() if count < 5} == {}


def test_ink_is_full_whatever_the_pen(read):
    pictures, _ = read
    for kind, given in pictures.items():
        brightest = [np.sort(one.ravel())[-20:].mean() for one in given]
        assert min(brightest) > (150 if kind == "as it is" else FULL - 40), kind
        assert np.mean(brightest) > FULL - 10, kind


def test_a_pen_of_any_width_is_as_dark(sample):
    digit = sample.x_test[0]
    ink = []
    for side, width in ((280, 2), (560, 3), (560, 12), (1120, 4)):
        picture = Image.fromarray((255 - 255 * pen(digit, side, width)).astype(np.uint8)).convert("RGB")
        ink.append(float(prepare_digit(picture, MNIST).mean()))
    assert min(ink) > 0.8 * max(ink)
    assert min(ink) > 12  # MNIST: 33; a line of 3 pixels in 560 would be 3


@pytest.mark.release
def test_mnist_of_every_kind(mnist, tmp_path):
    nearest = Nearest(mnist.x_train[:20_000], mnist.y_train[:20_000])
    rng, count = np.random.default_rng(0), 40
    right: collections.Counter[str] = collections.Counter()
    for number in range(count):
        given = {}
        for kind, picture in kinds(mnist.x_test[number], rng).items():
            picture.save(tmp_path / "one.png")
            given[kind] = read_picture(tmp_path / "one.png", mnist.form)
        answers = nearest(list(given.values()))
        right.update({kind: int(answer == mnist.y_test[number]) for kind, answer in zip(given, answers, strict=True)})
    plain = int((nearest(mnist.x_test[:count]) == mnist.y_test[:count]).sum())
    assert {kind: value for kind, value in right.items() if value < plain - 2} == {}
    assert len(right) == 26


def test_mnist_comes_back_as_it_was(mnist, tmp_path):
    given, back = mnist.x_test[:25], []
    for digit in given:
        Image.fromarray(255 - digit).save(tmp_path / "one.png")
        back.append(read_picture(tmp_path / "one.png", mnist.form))
    assert mnist.form == DigitForm(20, mnist.form.middle, "mass")
    assert max(abs(place - 14) for place in mnist.form.middle) < 0.2
    assert np.corrcoef(np.stack(back).ravel(), given.ravel())[0, 1] > 0.95


# ---- the form of a training set ----------------------------------------------------------------------


def test_the_form_is_told_from_the_pictures(sample):
    assert sample.form.centre == "mass"
    assert 19 <= sample.form.box <= 21
    filled = np.stack(
        [
            np.asarray(Image.fromarray(digit[4:24, 4:24]).resize((28, 28), Image.Resampling.BILINEAR))
            for digit in sample.x_train[:300]
        ]
    )
    assert DigitForm.of(filled).box >= 25
    assert DigitForm.of(np.zeros((20, 28, 28), np.uint8)) == MNIST


@pytest.mark.parametrize("form", [MNIST, DigitForm(26, (13.5, 13.5), "box"), DigitForm(12, (8.0, 18.0), "mass")])
def test_a_picture_takes_the_form(sample, form):
    placed = prepare_digit(Image.fromarray(sample.x_test[3]).convert("RGB"), form)
    rows, columns = np.nonzero(placed > 50)
    assert abs(max(np.ptp(rows), np.ptp(columns)) + 1 - form.box) <= 1
    if form.centre == "box":
        middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    else:
        total = placed.sum()
        middle = tuple((placed.sum(1 - axis) * np.arange(28)).sum() / total for axis in (0, 1))
    assert np.abs(np.array(middle) - form.middle).max() < 1.1


def test_the_form_survives_its_record():
    form = DigitForm(24, (13.2, 14.9), "box")
    assert DigitForm.from_record(form.record()) == form
    dark = DigitForm(24, taken="dark")
    assert DigitForm.from_record(dark.record()) == dark
    assert DigitForm.from_record({"box": 20, "middle": [14, 14], "centre": "mass"}).taken == "prepared"  # as once
    for change in ({"box": 0}, {"box": 1e9}, {"box": "x"}, {"middle": [1]}, {"middle": [1, 99]}, {"centre": "x"},
                   {"middle": None}, {"box": True}, {"middle": [float("nan"), 1]}, {"taken": "x"}):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            DigitForm.from_record({**form.record(), **change})


# ---- several digits ----------------------------------------------------------------------------------


def remarks(ink) -> list[str]:
    """What is told of a picture of this ink, dark on light, four times as large."""
    told: list[str] = []
    picture = Image.fromarray(255 - ink)
    prepare_digit(picture.resize((4 * picture.width, 4 * picture.height)).convert("RGB"), MNIST, told.append)
    return told


def test_several_digits_side_by_side_are_told(sample):
    for count in (2, 4):
        assert remarks(np.concatenate(list(sample.x_test[4 : 4 + count]), axis=1)) == [digit_pictures.SEVERAL_DIGITS]
    line = np.zeros((60, 60), np.uint8)
    line[28:34, 4:56] = 255
    assert remarks(line) == [digit_pictures.SEVERAL_DIGITS]  # much wider than high


def test_a_digit_in_pieces_is_one(sample):
    told = sum(bool(remarks(digit)) for digit in sample.x_test[:40])
    assert told == 0
    five = np.zeros((28, 28), np.uint8)
    five[4:7, 11:21] = 255  # its bar, on its own
    five[9:14, 9:12] = five[12:15, 9:18] = five[13:22, 17:20] = five[20:23, 9:19] = 255
    zero = np.zeros((28, 28), np.uint8)
    zero[4:24, 9:12] = zero[4:24, 17:20] = zero[4:7, 9:16] = zero[21:24, 13:20] = 255  # broken at the top and below
    four = np.zeros((28, 28), np.uint8)
    four[4:14, 8:11] = four[12:15, 8:22] = four[4:11, 16:19] = four[16:24, 16:19] = 255  # what stands is broken twice
    assert [remarks(digit) for digit in (five, zero, four)] == [[], [], []]


# ---- what has no digit -------------------------------------------------------------------------------


def test_what_is_no_digit_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    Image.new("L", (20, 20), 255).save(tmp_path / "white.png")
    Image.new("RGBA", (20, 20)).save(tmp_path / "clear.png")
    Image.new("L", (1, 1), 255).save(tmp_path / "one.png")
    noise = np.random.default_rng(0).normal(200, 1, (100, 100))
    Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "noise.png")
    for name in ("white", "clear", "one", "noise"):
        with pytest.raises(InputError, match=rf"{name}\.png: expected a digit, the picture is empty"):
            read_picture(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match=r"text\.png: expected a picture"):
        read_picture(tmp_path / "text.png")
    with pytest.raises(InputError, match="there is no such file"):
        read_picture(tmp_path / "nothing.png")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 5), (8, 8), (300, 7), (7, 900)])
@pytest.mark.parametrize("seed", range(4))
def test_pictures_of_any_shape_and_content(size, seed):
    rng = np.random.default_rng(seed)
    contents = [
        rng.integers(0, 256, (*size, 3)),
        rng.integers(0, 2, size)[..., None] * np.array([255, 255, 255]),
        np.linspace(0, 255, size[0] * size[1]).reshape(size)[..., None] * np.ones(3),
        (rng.random(size) < 0.1)[..., None] * np.array([255, 0, 0]),
    ]
    for content in contents:
        try:
            placed = prepare_digit(Image.fromarray(content.astype(np.uint8)), MNIST)
        except InputError:
            continue
        assert placed.shape == (28, 28)
        assert placed.dtype == np.uint8
        assert placed.max() > 0


def test_a_rectangle_alone_is_a_zero_and_not_an_empty_box():
    picture = np.full((120, 100), 250, np.uint8)
    picture[10:110, 20:80] = 10
    picture[22:98, 32:68] = 250
    placed = prepare_digit(Image.fromarray(picture).convert("RGB"), MNIST)
    assert placed[:, 14].max() > 200
    assert placed[14, 12:16].max() < 60
    assert max(np.ptp(axis) for axis in np.nonzero(placed > 60)) + 1 in (19, 20, 21)


@pytest.mark.parametrize("dark_on_light", [True, False])
@pytest.mark.parametrize("size", [(28, 28), (100, 60), (900, 1400)])
def test_a_stroke_in_a_corner_is_centred(dark_on_light, size):
    picture = np.full(size, 240 if dark_on_light else 10, np.uint8)
    picture[2 : size[0] // 2, 3 : 3 + max(2, size[1] // 10)] = 20 if dark_on_light else 250
    placed = prepare_digit(Image.fromarray(picture).convert("RGB"), MNIST)
    rows, columns = np.nonzero(placed > 40)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in range(19, 23)
    for axis in (0, 1):
        assert abs((placed.sum(1 - axis) * np.arange(28)).sum() / placed.sum() - 14) < 1


def test_large_pictures_are_made_small_first(monkeypatch):
    sizes = []
    grey = digit_pictures._grey

    def seen(colours):
        sizes.append(colours.shape)
        return grey(colours)

    monkeypatch.setattr(digit_pictures, "_grey", seen)
    picture = np.full((2000, 3000, 3), 255, np.uint8)
    picture[500:1500, 1400:1500] = 0
    prepare_digit(Image.fromarray(picture), MNIST)
    assert [max(size) for size in sizes] == [600]
