"""Pictures: every format becomes one, what cannot be read is named, no picture is on both sides."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from PIL import Image

from nnlab.data import images
from nnlab.data.images import apply_tiled
from nnlab.errors import InputError, UsageError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


@pytest.fixture
def folder(tmp_path):
    """Forty pictures of many formats, sizes and modes; one of them twice."""
    made = tmp_path / "mine"
    (made / "deep" / "er").mkdir(parents=True)
    rng = np.random.default_rng(0)
    kinds = [("RGB", "png"), ("L", "png"), ("RGBA", "png"), ("RGB", "jpg"), ("P", "gif"), ("CMYK", "jpg"), ("1", "bmp")]
    for number in range(40):
        mode, ending = kinds[number % len(kinds)]
        pixels = rng.integers(0, 256, (20 + number, 60 - number, 3), dtype=np.uint8)
        place = made / "deep" / "er" if number % 2 else made
        Image.fromarray(pixels).convert(mode).save(place / f"{number:02d}.{ending}")
    (made / "copy.png").write_bytes((made / "00.png").read_bytes())
    return made


def test_a_folder_of_mixed_pictures(folder, cache):
    (folder / "broken.jpg").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("no picture either")
    found = images.load(str(folder))
    assert found.train.shape[1:] == found.test.shape[1:] == (32, 32, 3)
    assert found.train.dtype == np.uint8
    assert len(found.train) + len(found.test) == 41
    assert len(found.test) >= 8
    assert [name.partition(" ")[0] for name in found.skipped] == ["broken.jpg"]
    both = {one.tobytes() for one in found.train} & {one.tobytes() for one in found.test}
    assert not both  # the copy is on the side of its original
    assert len(list(cache.iterdir())) == 1
    again = images.load(str(folder))
    assert again.train.tobytes() == found.train.tobytes()
    assert again.skipped == found.skipped
    (folder / "new.png").write_bytes((folder / "00.png").read_bytes())
    assert len(images.load(str(folder)).train) + len(images.load(str(folder)).test) == 42


def test_a_zip_with_train_and_test_is_split_as_it_says(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for number, file in enumerate(sorted(folder.rglob("*.*"))):
            archive.write(file, f"set/{'test' if number < 15 else 'train'}/cats/{number}{file.suffix}")
        archive.writestr("__MACOSX/set/train/cats/._1.png", b"rubbish")
    found = images.load(str(tmp_path / "set.zip"))
    assert (len(found.test), len(found.train), found.skipped) == (15, 26, ())


def test_what_is_no_set_of_pictures(tmp_path):
    with pytest.raises(UsageError, match="there is nothing at"):
        images.load(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="found none"):
        images.load(str(tmp_path))
    (tmp_path / "a.zip").write_bytes(b"PK no")
    with pytest.raises(InputError, match="expected a zip of pictures"):
        images.load(str(tmp_path / "a.zip"))
    many = tmp_path / "bad"
    many.mkdir()
    for number in range(30):
        (many / f"{number}.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(InputError, match=r"0 of 30 can be read; the first that cannot be read: 0\.png"):
        images.load(str(many))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": np.zeros((20, 32, 32, 3), np.uint8)}, "x_test is missing"),
        ({"x_train": np.zeros((20, 32, 32, 3)), "x_test": np.zeros((20, 32, 32, 3), np.uint8)}, "as uint8"),
        ({"x_train": np.zeros((20, 30, 30, 3), np.uint8), "x_test": np.zeros((20, 32, 32, 3), np.uint8)}, "multiple"),
        ({"x_train": np.zeros((20, 16, 16), np.uint8), "x_test": np.zeros((20, 32, 32, 3), np.uint8)}, "one size"),
        ({"x_train": np.zeros((2, 32, 32, 3), np.uint8), "x_test": np.zeros((20, 32, 32, 3), np.uint8)}, "at least 10"),
    ],
)
def test_wrong_arrays_are_told(tmp_path, arrays, says):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=says):
        images.load(str(tmp_path / "x.npz"))


def test_a_picture_is_turned_upright_and_put_on_white(tmp_path):
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert images.open_picture(tmp_path / "a.png").size == (10, 20)
    clear = np.zeros((8, 8, 4), np.uint8)
    Image.fromarray(clear).save(tmp_path / "b.png")
    assert np.asarray(images.open_picture(tmp_path / "b.png")).min() == 255
    assert images.open_picture(tmp_path / "b.png", alpha=True).mode == "RGBA"
    deep = np.full((8, 8), 0x8000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "c.png")
    assert np.asarray(images.open_picture(tmp_path / "c.png")).max() == 128


def test_the_sample_is_the_same_each_time():
    one, two = images.draw_sample(30, 10), images.draw_sample(30, 10)
    assert one.train.tobytes() == two.train.tobytes()
    assert one.train.std() > 20


def test_real_cifar10_from_the_folder(cifar10):
    assert (len(cifar10.train), len(cifar10.test), cifar10.skipped) == (50_000, 10_000, ())
    assert 110 < cifar10.train[::50].mean() < 130  # 0.473 of 255 (Krizhevsky 2009)


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (33, 47), (100, 64), (16, 200)])
def test_tiles_of_a_network_that_does_nothing_give_the_picture(size):
    picture = np.random.default_rng(0).random((*size, 3)).astype(np.float32)
    seen = []

    def network(tiles):
        seen.append(tiles.shape[1:])
        return tiles

    made = apply_tiled(network, picture, 32)
    assert set(seen) == {(32, 32, 3)}
    assert np.abs(made - picture).max() < 1e-5
