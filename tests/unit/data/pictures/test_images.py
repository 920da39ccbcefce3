"""Pictures: every format becomes one, what is not read is told, no picture is on both sides."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from nnlab.data import npz
from nnlab.data.pictures import images, picture_files
from nnlab.errors import InputError, UsageError
from tests.unit.data.pictures.test_pixels import png_claiming, png_of_16_bits
from tests.unit.data.test_npz import with_member


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


def picture(seed: int, size: tuple[int, int] = (32, 32)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8))


def fill(folder, count: int = 20, first: int = 0):
    """Some pictures in a folder, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        picture(number).save(folder / f"{number:02d}.png")
    return folder


def total(data: images.Pictures) -> int:
    return len(data.train) + len(data.test)


@pytest.fixture
def folder(tmp_path):
    """Forty pictures of many formats, sizes and modes; one of them twice."""
    made = tmp_path / "mine"
    (made / "deep" / "er").mkdir(parents=True)
    kinds = [("RGB", "png"), ("L", "png"), ("RGBA", "png"), ("RGB", "jpg"), ("P", "gif"), ("CMYK", "jpg"), ("1", "bmp")]
    for number in range(40):
        mode, ending = kinds[number % len(kinds)]
        place = made / "deep" / "er" if number % 2 else made
        picture(number, (20 + number, 60 - number)).convert(mode).save(place / f"{number:02d}.{ending}")
    (made / "copy.png").write_bytes((made / "00.png").read_bytes())
    return made


def test_a_folder_of_mixed_pictures(folder, cache):
    (folder / "broken.jpg").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("no picture either")
    data = images.load(str(folder))
    assert data.train.shape[1:] == data.test.shape[1:] == (32, 32, 3)
    assert data.train.dtype == np.uint8
    assert total(data) == 41
    assert len(data.test) >= 8
    assert [name.partition(" ")[0] for name in data.skipped] == ["broken.jpg"]
    assert data.notes == (
        f"{folder}: not read: 1 .txt",
        f"{folder}: 1 of 42 files cannot be read, the first: broken.jpg (expected a picture, it cannot be read)",
        f"{folder}: 41 pictures, 21 to 60 × 20 to 59 pixels: cropped to a square and resized to 32 × 32",
    )
    both = {one.tobytes() for one in data.train} & {one.tobytes() for one in data.test}
    assert not both  # the copy is on the side of its original
    assert len(list(cache.iterdir())) == 1
    again = images.load(str(folder))
    assert (again.digest, again.skipped, again.notes) == (data.digest, data.skipped, data.notes)
    assert again.record() == {"name": str(folder), "items": 41, "digest": data.digest}
    picture(99).save(folder / "new.png")
    assert total(images.load(str(folder))) == 42


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((20, 3, 32, 32), "Its axes are in another order: x_train = x_train.transpose(0, 2, 3, 1)"),
        ((32, 32, 3, 20), "Its axes are in another order: x_train = x_train.transpose(3, 0, 1, 2)"),
        ((3, 32, 32, 20), "Its axes are in another order: x_train = x_train.transpose(3, 1, 2, 0)"),
        ((32, 32, 20), "Its axes are in another order: x_train = x_train.transpose(2, 0, 1)"),
        (
            (20, 3072),
            "Unfold it: x_train = x_train.reshape(-1, 32, 32, 3); where it holds one channel after the other, "
            "x_train.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)",
        ),
        ((20, 1024), "Unfold it: x_train = x_train.reshape(-1, 32, 32, 1)"),
        ((20, 32, 32, 4), "Leave transparency out: x_train = x_train[..., :3]"),
        ((20, 30, 40, 3), "Resize the pictures"),
        ((20, 33, 33, 3), "Resize the pictures"),
        ((20, 3000), "Resize the pictures"),
        ((20,), "Resize the pictures"),
    ],
)
def test_the_hint_of_a_wrong_shape_makes_it_right(tmp_path, shape, hint):
    x, path = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), tmp_path / "mine.npz"
    test = np.random.default_rng(1).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
    np.savez(path, x_train=x, x_test=test)
    with pytest.raises(InputError) as caught:
        images.load(str(path))
    assert caught.value.hint == hint
    if " = " in hint:
        given = {"x_train": x}
        exec(hint.partition(": ")[2].partition(";")[0], given)
        np.savez(path, x_train=given["x_train"], x_test=test)
        assert images.load(str(path)).train.shape == (20, 32, 32, 3)


def test_copies_of_one_picture_are_told(tmp_path):
    place = tmp_path / "same"
    place.mkdir()
    for number in range(30):
        picture(0).save(place / f"{number}.png")
    with pytest.raises(InputError, match="to train with, got 0; all 30 are copies of one"):
        images.load(str(place))
    for number in range(5):
        picture(1 + number % 3).save(place / f"{number}.png")
    with pytest.raises(InputError, match="; only 4 of 30 are different"):
        images.load(str(place))


def test_what_is_cropped_or_resized_is_told(tmp_path):
    for name, sizes, told in (
        ("as is", [(32, 32)], ""),
        ("squares", [(64, 64), (32, 32)], "10 pictures, 64 × 64 pixels: resized to 32 × 32"),
        ("tall", [(1234, 40), (300, 41)], "20 pictures, 40 to 41 × 300 to 1,234 pixels: cropped to a square and "
                                          "resized to 32 × 32"),  # height first
    ):  # fmt: skip
        place = tmp_path / name
        place.mkdir()
        for number in range(20):
            picture(number, sizes[number % len(sizes)]).save(place / f"{number}.png")
        assert images.load(str(place)).notes == ((f"{place}: {told}",) if told else ())
        assert images.load(str(place)).notes == ((f"{place}: {told}",) if told else ())  # of the cache


def test_the_cache_knows_contents_and_not_dates(tmp_path):
    place = fill(tmp_path / "a")
    before = images.load(str(place))
    status = (place / "03.png").stat()
    other = io.BytesIO()
    picture(777).save(other, "PNG")
    (place / "03.png").write_bytes(other.getvalue()[: status.st_size].ljust(status.st_size, b"\0"))
    os.utime(place / "03.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert images.load(str(place)).digest != before.digest


def test_what_is_not_read_is_said_in_one_line(tmp_path):
    place = fill(tmp_path / "mine", 20)
    (place / ".thumbnails").mkdir()
    (place / "@eaDir").mkdir()
    for name in (".thumbnails/00.png", "@eaDir/00.png", "._00.png", "a.TXT", "b.txt", "c.heic", "song.wav", "noending",
                 "00-restored.png", "00-reconstructed-2.png", "Thumbs.db"):  # fmt: skip
        (place / name).write_bytes((place / "00.png").read_bytes())
    run = place / "runs" / "denoise-1"
    (run / "figures").mkdir(parents=True)
    for name in ("config.json", "metrics.csv", "figures/loss.png"):
        (run / name).write_bytes((place / "00.png").read_bytes())
    data = images.load(str(place))
    assert total(data) == 20
    (note,) = data.notes
    for said in ("2 .txt", "1 .heic", "1 .wav", "2 hidden folders", "2 hidden files", "1 nnlab run folder",
                 "2 written by predict (rename them to use them)"):  # fmt: skip
        assert said in note, said
    with pytest.raises(InputError, match=r"found none \(not read: .*1 nnlab run folder"):
        images.load(str(place / "runs"))
    with pytest.raises(InputError, match=r"found none \(not read: 1 nnlab run folder\)"):
        images.load(str(run))


def test_names_that_only_look_like_those_of_predict_are_read(tmp_path):
    place = fill(tmp_path / "mine", 20)
    names = ("old-restored.png", "00-restored.bmp", "00-restored.jpg", "00-restored.small.png", "00-RESTORED.png",
             "other/00-restored.png", "00-restored-a.png")  # fmt: skip
    (place / "other").mkdir()
    for number, name in enumerate(names):
        picture(100 + number).save(place / name)
    data = images.load(str(place))
    assert (total(data), data.notes) == (20 + len(names), ())
    for name in ("00-restored.png", "00-restored-restored.png", "01-reconstructed-12.png"):
        picture(99).save(place / name)
    data = images.load(str(place))
    assert total(data) == 20 + len(names)
    assert data.notes == (f"{place}: not read: 3 written by predict (rename them to use them)",)


def test_endings_in_any_case_and_jfif(tmp_path):
    place = fill(tmp_path / "mine", 20)
    picture(50).save(place / "A.JPG", "JPEG")
    picture(51).save(place / "b.jfif", "JPEG")
    picture(52).save(place / "c.Tiff", "TIFF")
    assert (total(images.load(str(place))), images.load(str(place)).notes) == (23, ())


def test_links_are_followed_and_do_not_loop(tmp_path):
    place = fill(tmp_path / "mine", 20)
    elsewhere = fill(tmp_path / "elsewhere", 3, first=100)
    (place / "linked").symlink_to(elsewhere)
    (place / "loop").symlink_to(place)
    (elsewhere / "back").symlink_to(place)
    (place / "one.png").symlink_to(elsewhere / "100.png")
    (place / "broken.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(place / "pipe.png")
    data = images.load(str(place))
    assert total(data) == 24
    assert "1 broken link" in data.notes[0]
    assert "1 special file" in data.notes[0]


def test_the_same_pixels_in_other_formats_stay_on_one_side(tmp_path):
    place = fill(tmp_path / "mine", 20)
    for number in range(20):
        picture(number).save(place / f"again-{number}.bmp")
    data = images.load(str(place))
    assert not {one.tobytes() for one in data.train} & {one.tobytes() for one in data.test}
    assert total(data) == 40


def test_a_copy_of_a_test_picture_is_not_trained_on(tmp_path):
    fill(tmp_path / "set" / "train", 15)
    fill(tmp_path / "set" / "test", 5, first=50)
    picture(50).save(tmp_path / "set" / "train" / "sneaky.bmp")
    data = images.load(str(tmp_path / "set"))
    assert (len(data.train), len(data.test)) == (15, 5)
    assert "1 of 16 files in train are copies of held-out ones: not trained on" in data.notes[0]
    for file in (tmp_path / "set" / "train").glob("*.png"):
        file.unlink()
    fill(tmp_path / "set" / "train", 12, first=50)
    fill(tmp_path / "set" / "test", 12, first=50)
    data = images.load(str(tmp_path / "set"))
    assert len(data.train) == 13
    assert "13 of 13 files in train are copies of held-out ones: they stay, and what is measured" in data.notes[0]


def test_pictures_of_16_bits_are_scaled_alike(tmp_path):
    place = fill(tmp_path / "mine", 12)
    for number, tone in enumerate((400, 1000, 4000)):  # one camera of 12 bits, three exposures
        Image.fromarray(np.full((40, 40), tone, np.uint16)).save(place / f"deep-{number}.png")
    data = images.load(str(place))
    tones = sorted(int(one[0, 0, 0]) for part in (data.train, data.test) for one in part if one.std() == 0)
    assert tones == [25, 62, 249]
    assert data.levels is not None
    assert data.levels.white == 4095
    assert "16 or 32 bits (3 of the pictures): black to white is 0 to 4,095" in data.notes[0]
    assert images.load(str(place)).levels == data.levels
    Image.fromarray(np.array([[np.nan, 1], [2, 3]], np.float32)).save(place / "nan.tiff")
    assert "nan.tiff (expected a picture, some of its pixels are NaN or infinite)" in images.load(str(place)).skipped


def test_deep_pictures_of_two_scales_are_told(tmp_path):
    place = fill(tmp_path / "mine", 12)
    for number in (1, 2):
        Image.fromarray(np.full((40, 40), number / 2, np.float32)).save(place / f"share-{number}.tiff")
        Image.fromarray(np.full((40, 40), 30_000 * number, np.uint16)).save(place / f"deep-{number}.png")
    told = "2 of 4 pictures of more than 8 bits go to 1 at most, others to 60,000: by one scale they are nearly black"
    assert [note for note in images.load(str(place)).notes if told in note]
    for number in (1, 2):
        Image.fromarray(np.zeros((40, 40), np.float32)).save(place / f"share-{number}.tiff")  # black they are
    assert not [note for note in images.load(str(place)).notes if "nearly black" in note]


def test_a_folder_of_12_bits_in_16_per_colour_is_told(tmp_path):
    place = tmp_path / "mine"
    place.mkdir()
    for number in range(30):
        (place / f"{number}.png").write_bytes(png_of_16_bits(256 * (number // 15), 256 * (number % 15), 4095))
    said = f"{place}: 16 bits per colour: no value is above 15 of 255: are they of 12 bits? multiply them by 16"
    assert said in images.load(str(place)).notes
    (place / "light.png").write_bytes(png_of_16_bits(0, 0, 40_000))  # of the same camera: the others are dark
    assert said not in images.load(str(place)).notes


def test_unreadable_files_do_not_move_the_split(tmp_path):
    place = fill(tmp_path / "mine", 20)
    before = images.load(str(place))
    for number in range(30):
        (place / f"x{number}.png").write_bytes(b"\x89PNG broken")
    after = images.load(str(place))
    assert after.digest == before.digest
    assert len(after.skipped) == 30


# ---- zips --------------------------------------------------------------------------------------------


def zipped(path, files: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(count: int = 20, first: int = 0) -> dict[str, bytes]:
    files = {}
    for number in range(first, first + count):
        buffer = io.BytesIO()
        picture(number).save(buffer, "PNG")
        files[f"{number:02d}.png"] = buffer.getvalue()
    return files


def test_a_zip_with_train_and_test_is_split_as_it_says(tmp_path):
    files = {f"set/{'test' if number < 8 else 'train'}/cats/{name}": content
             for number, (name, content) in enumerate(contents().items())}  # fmt: skip
    files["__MACOSX/set/train/cats/._1.png"] = b"rubbish"
    files["set/readme.md"] = b"read me"
    files["set\\train\\cats\\windows.png"] = contents(1, 90)["90.png"]
    data = images.load(str(zipped(tmp_path / "set.zip", files)))
    assert (len(data.test), len(data.train), data.skipped) == (8, 13, ())
    assert data.notes == (f"{tmp_path / 'set.zip'}: not read: 1 .md, 1 hidden file",)


def test_run_folders_and_answers_in_a_zip_are_left_out(tmp_path):
    one = contents(1, 70)["70.png"]
    files = {**contents(), "runs/a/config.json": b"{}", "runs/a/results.json": b"{}", "runs/a/figures/loss.png": one}
    data = images.load(str(zipped(tmp_path / "set.bin", {**files, "00-restored.png": one, "album/config.json": b"{}"})))
    assert total(data) == 20
    assert "3 files of nnlab's runs" in data.notes[0]
    assert "1 written by predict (rename it to use it)" in data.notes[0]


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "ALWAYS", 10_000_000)
    files = {**contents(), **{f"bomb{number}.bmp": bytes(2_000_000) for number in range(6)}}
    with pytest.raises(InputError, match=r"expected a zip that unpacks to at most 0\.0 GB, its pictures take 0\.0"):
        images.load(str(zipped(tmp_path / "bomb.zip", files)))
    monkeypatch.setattr(picture_files, "MOST_FILE", 1_000_000)
    files = {**contents(), "bomb.bmp": bytes(2_000_000), "huge.png": png_claiming(9_000, 9_000)}
    data = images.load(str(zipped(tmp_path / "less.zip", files)))
    assert total(data) == 20
    assert [name.partition(" ")[0] for name in data.skipped] == ["bomb.bmp", "huge.png"]
    assert "expected files of at most" in data.skipped[0]
    assert "expected at most 64 million pixels" in data.skipped[1]
    for name, content in files.items():
        (tmp_path / "folder").mkdir(exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    assert [name.partition(" ")[0] for name in images.load(str(tmp_path / "folder")).skipped] == [
        "bomb.bmp",
        "huge.png",
    ]


def test_locked_and_damaged_zips(tmp_path):
    path = zipped(tmp_path / "set.zip", contents())
    whole = path.read_bytes()
    locked = bytearray(whole)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[whole.index(mark) + place] |= 1  # the first file needs a password
    path.write_bytes(locked)
    data = images.load(str(path))
    assert total(data) == 19
    assert "00.png (it cannot be read)" in data.skipped
    path.write_bytes(whole[:-30])
    with pytest.raises(InputError, match=r"set\.zip: expected a zip of pictures, it cannot be read"):
        images.load(str(path))


# ---- what is no set of pictures ----------------------------------------------------------------------


def test_what_is_no_set_of_pictures(tmp_path):
    with pytest.raises(UsageError, match="there is nothing at"):
        images.load(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: expected pictures \(\.png, \.jpg, \.jpeg, …\), found none"):
        images.load(str(tmp_path / "empty"))
    (tmp_path / "few").mkdir()
    fill(tmp_path / "few", 5)
    with pytest.raises(InputError, match="expected at least 12 pictures, 5 of 5 can be read"):
        images.load(str(tmp_path / "few"))
    many = tmp_path / "many"
    many.mkdir()
    for number in range(30):
        (many / f"{number}.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(InputError, match=r"0 of 30 can be read; the first that cannot be read: 0\.png"):
        images.load(str(many))
    (tmp_path / "one.zip").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"expected a zip or an \.npz of pictures, it is neither"):
        images.load(str(tmp_path / "one.zip"))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="it is neither"):
        images.load(str(tmp_path / "pipe"))


def test_the_fewest_pictures_that_are_read(tmp_path):
    fill(tmp_path / "set" / "train", images.LEAST)
    fill(tmp_path / "set" / "test", images.LEAST_TEST, first=50)
    data = images.load(str(tmp_path / "set"))
    assert (len(data.train), len(data.test)) == (10, 2)


def test_constant_pictures_are_data_too(tmp_path):
    (tmp_path / "mine").mkdir()
    for tone in range(15):
        Image.new("RGB", (9, 9), (tone, tone, tone)).save(tmp_path / "mine" / f"{tone}.png")
    assert total(images.load(str(tmp_path / "mine"))) == 15


# ---- arrays ------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
TEST = RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": TRAIN}, "x_test is missing"),
        ({"x_train": np.full((20, 32, 32, 3), np.nan), "x_test": TEST}, "expected numbers in x_train"),
        ({"x_train": np.full((20, 32, 32, 3), "a"), "x_test": TEST}, "expected numbers in x_train, got <U1"),
        ({"x_train": TRAIN[:, :30, :30], "x_test": TEST}, "multiple of 8"),
        ({"x_train": TRAIN[:, :0, :0], "x_test": TEST}, "multiple of 8"),
        ({"x_train": TRAIN.transpose(0, 3, 1, 2), "x_test": TEST}, r"got \(20, 3, 32, 32\)"),
        ({"x_train": TRAIN[:, :16, :16], "x_test": TEST}, "one size"),
        ({"x_train": TRAIN[:2], "x_test": TEST}, "at least 10"),
    ],
)
def test_wrong_arrays_are_told(tmp_path, arrays, says):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=says):
        images.load(str(tmp_path / "x.npz"))


def test_arrays_of_any_range_and_name(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=TRAIN, x_test=TEST)
    os.rename(tmp_path / "x.npz", tmp_path / "X.NPZ")
    plain = images.load(str(tmp_path / "X.NPZ"))
    assert plain.train.tobytes() == TRAIN.tobytes()
    np.savez_compressed(tmp_path / "y.npz", x_train=TRAIN / 255, x_test=TEST / 255)
    scaled = images.load(str(tmp_path / "y.npz"))
    assert scaled.digest == plain.digest
    assert "x_train and x_test hold float64 from 0 to 1" in scaled.notes[0]
    np.savez(tmp_path / "z.npz", x_train=TRAIN[..., 0], x_test=TEST[..., :1])
    grey = images.load(str(tmp_path / "z.npz"))
    assert grey.train.tobytes() == np.repeat(TRAIN[..., :1], 3, axis=3).tobytes()


def test_copies_among_arrays_are_not_trained_on(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=np.concatenate([TRAIN, TEST[:3]]), x_test=TEST)
    data = images.load(str(tmp_path / "x.npz"))
    assert data.train.tobytes() == TRAIN.tobytes()
    assert "3 of 23 pictures in x_train are copies of those in x_test: not trained on" in data.notes[0]
    np.savez(tmp_path / "x.npz", x_train=TEST, x_test=TEST)
    data = images.load(str(tmp_path / "x.npz"))
    assert len(data.train) == 12
    assert "12 of 12 pictures in x_train are copies of those in x_test: they stay" in data.notes[0]


def test_arrays_of_8_gb_are_refused_by_their_headers(tmp_path):
    for name in ("x_train", "x_test"):
        with_member(tmp_path / "x.npz", name, "(1000000, 32, 32, 3)", "'|u1'")
    with pytest.raises(InputError, match="expected arrays of at most"):
        images.load(str(tmp_path / "x.npz"))


# ---- what comes with the project ---------------------------------------------------------------------


def test_the_sample_is_the_same_each_time():
    one, two = images.draw_sample(30, 10), images.draw_sample(30, 10)
    assert one.digest == two.digest
    assert one.train.std() > 20


@pytest.mark.slow
def test_real_cifar10_from_the_folder(cifar10):
    assert (len(cifar10.train), len(cifar10.test), cifar10.skipped, cifar10.notes) == (50_000, 10_000, (), ())
    assert 110 < cifar10.train[::50].mean() < 130  # 0.473 of 255 (Krizhevsky 2009)


def test_validation_comes_out_of_training_and_holds_no_copy_of_it():
    drawn = images.draw_sample(60, 10)
    twice = images.Pictures(np.concatenate([drawn.train, drawn.train[:30]]), drawn.test, "mine")
    split = images.with_validation(twice, 0.1, 0)
    parts = [[picture.tobytes() for picture in part] for part in (split.train, split.part("validation"))]
    assert len(set(parts[1])) == 6
    assert sorted(parts[0] + parts[1]) == sorted(picture.tobytes() for picture in twice.train)
    assert not set(parts[0]) & set(parts[1])
    assert split.part("test") is twice.test
    assert (split.watched, twice.watched) == ("validation", "test")
    assert images.with_validation(twice, 0.0, 0) is twice
