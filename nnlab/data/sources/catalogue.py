"""The data sets known by name: what each is, its editions, where each comes from and by what it is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nnlab.data.assets import asset
from nnlab.data.sources import archives, digests, downloads
from nnlab.errors import UsageError

SAMPLE = "sample"  # every command's built-in data, made on the spot
Kind = Literal["digits", "pictures", "sounds", "text", "pairs"]


@dataclass(frozen=True)
class Edition:
    """One of the states in which a data set is around."""

    about: str
    contents: str | None = None  # by the data set's fingerprint; None: recorded when it is first fetched
    measured: bool = False  # the figures of README and RESULTS are of this one


@dataclass(frozen=True)
class Source:
    """Where an edition comes from, and how what comes becomes the data set."""

    edition: Edition
    size: int  # bytes to download, about
    file: str  # of the data set in NNLAB_DATA and in the cache
    url: str | None = None  # of the file, or of the folder of ``registry``; None: only a mirror may have it
    digest: str | None = None  # of the file at the URL, as "sha256:…" or "sha1:…"; None: its contents are compared
    registry: str = ""  # an asset that lists the files of a folder with their SHA-256
    unpack: Callable[[Path, Path], None] | None = None  # what comes -> the file

    def remote_files(self, mirror: str = "") -> list[downloads.RemoteFile]:
        """What to download, from a mirror if there is one: there each file lies under its name, a folder's in it."""
        if not self.registry:
            name = self.url.rpartition("/")[2] if self.url and self.unpack else self.file
            return [downloads.RemoteFile(name, f"{mirror}/{name}" if mirror else str(self.url), self.digest)]
        lines = asset(self.registry).read_text(encoding="utf-8").splitlines()
        listed = [line.split() for line in lines if not line.startswith("#")]
        return [
            downloads.RemoteFile(
                name := Path(path).name,
                f"{mirror}/{self.file}/{name}" if mirror else f"{self.url}/{path}",
                f"sha256:{sha}",
            )
            for sha, path in listed
        ]


@dataclass(frozen=True)
class DataSet:
    """A data set nnlab knows by name."""

    name: str
    kind: Kind
    about: str
    licence: str
    attribution: str
    fingerprint: Callable[[Path], str]  # what is inside, however it is packed
    sources: tuple[Source, ...]  # the first that a mirror has; without one, the first with a URL
    of_keras: str = ""  # its file in Keras's cache
    sample: str = SAMPLE  # what takes its place with no network

    @property
    def file(self) -> str:
        """Its file (or folder) as a download makes it."""
        return self.source.file

    @property
    def source(self) -> Source:
        """The one that is downloaded where no mirror is named."""
        return next(source for source in self.sources if source.url)

    @property
    def files(self) -> tuple[str, ...]:
        """The names under which it may be at hand."""
        return tuple(dict.fromkeys([self.file, *(source.file for source in self.sources)]))

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return bool(self.source.registry)

    @property
    def measured(self) -> Edition | None:
        """The edition of README's figures; None where there are none of this data set."""
        return next((source.edition for source in self.sources if source.edition.measured), None)


# ---- what is known -----------------------------------------------------------------------------------

OPUS = "v2023-04-12"
OPUS_NAME = re.compile(r"opus:([a-z]{2,3}(?:_[A-Za-z]{2,8})?)-([a-z]{2,3}(?:_[A-Za-z]{2,8})?)")
SCIKIT_MAAD = "a726add0f86b70a7c59f2a1b4ba5978f7ca8fdf1"  # of 2025-05-13; the same data as in v1.5.1
TATOEBA = "CC BY 2.0 FR"


def _opus_source(first: str, second: str, file: str, size: int) -> Source:
    """Sentence pairs of two languages by their codes in OPUS, which sorts them; the first becomes the source."""
    pair = "-".join(sorted((first, second)))
    members = (f"Tatoeba.{pair}.{first}", f"Tatoeba.{pair}.{second}")
    return Source(
        Edition(f"Tatoeba of 2023-04-12 by OPUS, {first}-{second}"),
        size=size,
        file=file,
        url=f"https://object.pouta.csc.fi/OPUS-Tatoeba/{OPUS}/moses/{pair}.txt.zip",
        unpack=lambda archive, target: archives.unpack_parallel_texts(archive, members, target),
    )


def _pictures_digest(path: Path) -> str:
    return digests.of_arrays(path, ("x_train", "x_test")) if path.suffix == ".npz" else digests.of_file(path)


_MNIST = Edition(
    "MNIST of keras.datasets", "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16", measured=True
)
_JPEG = Edition(
    "CIFAR-10 republished as JPEG", "9e7a2561d2a57834b83fe354371daf00dffe2dd674b57110fd4f9239bf1ca043", measured=True
)
_BIRDS = Edition("scikit-maad 1.5.1", "ca2846318abe75a11c89157478dd4ca56f9ff05c681c21bb2cf8509c5b96a39c", measured=True)
_NIETZSCHE = Edition(
    "Keras's tutorial", "9cb94a5f1f8d1359e2e018fa67306eba4ae03942b8c44643eececded39e096df", measured=True
)
_SHAKESPEARE = Edition("char-rnn", "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed")
_FRENCH = Edition(
    "manythings.org/anki of 2017-09-29, 142,787 pairs",
    "2546838ae46e0eac4c02ab7032ea0a02a006074a5340077a36a9444f41e02888",
    measured=True,
)
_GREEK = Edition(
    "manythings.org/anki, 17,100 pairs",
    "5649aade21ede6ffcb67a1f74c84ab0e8a91e8f5aed66442e38a8c1f5636ee95",
    measured=True,
)

KNOWN = {
    one.name: one
    for one in (
        DataSet(
            name="mnist",
            kind="digits",
            about="70,000 handwritten digits, 28 × 28",
            licence="CC BY-SA 3.0",
            attribution="LeCun, Cortes, Burges",
            fingerprint=lambda path: digests.of_arrays(path, ("x_train", "y_train", "x_test", "y_test")),
            sources=(
                Source(_MNIST, size=11_490_434, file="mnist.npz"),  # packed in any way: its arrays are compared
                Source(
                    _MNIST,
                    size=11_490_434,
                    file="mnist.npz",
                    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                    digest="sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                ),
            ),
            of_keras="mnist.npz",
        ),
        DataSet(
            name="cifar10",
            kind="pictures",
            about="60,000 colour pictures of ten classes, 32 × 32",
            licence="free to use, cite the author",
            attribution="Krizhevsky 2009",
            fingerprint=_pictures_digest,
            sources=(
                Source(_JPEG, size=63_150_935, file="cifar10-jpeg.zip", digest=f"sha256:{_JPEG.contents}"),
                Source(
                    Edition("the original arrays"),
                    size=170_498_071,
                    file="cifar10.npz",
                    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                    digest="sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                    unpack=archives.unpack_cifar10,
                ),
            ),
        ),
        DataSet(
            name="birds",
            kind="sounds",
            about="97 field recordings of birds, 16 minutes",
            licence="BSD-3-Clause",
            attribution="scikit-maad (Ulloa et al. 2021)",
            fingerprint=lambda path: digests.of_folder(path, "*.wav"),
            sources=(
                Source(
                    _BIRDS,
                    size=43_967_866,
                    file="birds",
                    url=f"https://raw.githubusercontent.com/scikit-maad/scikit-maad/{SCIKIT_MAAD}/data",
                    registry="birds.sha256",
                ),
            ),
            sample="chirps",
        ),
        DataSet(
            name="nietzsche",
            kind="text",
            about="600,893 characters of Nietzsche in English",
            licence="public domain",
            attribution="Project Gutenberg by Keras's tutorial",
            fingerprint=digests.of_lowered_text,
            sources=(
                Source(
                    _NIETZSCHE,
                    size=600_901,
                    file="nietzsche.txt",
                    url="https://s3.amazonaws.com/text-datasets/nietzsche.txt",
                ),
            ),
            of_keras="nietzsche.txt",
        ),
        DataSet(
            name="tinyshakespeare",
            kind="text",
            about="1,115,394 characters of Shakespeare's plays",
            licence="public domain",
            attribution="Karpathy 2015 (char-rnn)",
            fingerprint=digests.of_file,
            sources=(
                Source(
                    _SHAKESPEARE,
                    size=1_115_394,
                    file="tinyshakespeare.txt",
                    url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                    digest=f"sha256:{_SHAKESPEARE.contents}",
                ),
            ),
        ),
        DataSet(
            name="eng-fra",
            kind="pairs",
            about="English–French sentence pairs",
            licence=TATOEBA,
            attribution="Tatoeba by manythings.org/anki",
            fingerprint=digests.of_file,
            sources=(
                Source(_FRENCH, size=10_009_515, file="eng-fra.txt"),
                Source(
                    Edition("manythings.org/anki as in Dive into Deep Learning, some 167,000 pairs"),
                    size=4_000_000,
                    file="eng-fra.txt",
                    url="https://d2l-data.s3-accelerate.amazonaws.com/fra-eng.zip",
                    digest="sha1:94646ad1522d915e7b0f9296181140edcf86a4f5",
                    unpack=lambda archive, target: archives.unpack_member(archive, "fra-eng/fra.txt", target),
                ),
            ),
        ),
        DataSet(
            name="eng-ell",
            kind="pairs",
            about="English–Greek sentence pairs",
            licence=TATOEBA,
            attribution="Tatoeba by OPUS (Tiedemann 2012) or manythings.org/anki",
            fingerprint=digests.of_file,
            sources=(
                Source(_GREEK, size=2_603_347, file="eng-ell.txt"),
                _opus_source("en", "el", "eng-ell.txt", 1_000_000),
            ),
        ),
    )
}


def names(kind: Kind) -> list[str]:
    """The names of the data sets of a kind."""
    return [one.name for one in KNOWN.values() if one.kind == kind]


def known(name: str, kind: Kind | None = None) -> DataSet | None:
    """The data set of a name, of a kind if one is given; None where there is none.

    ``opus:en-de`` is English to German of Tatoeba, by the language codes of OPUS.

    Raises:
        UsageError: a name that begins with ``opus:`` and does not go on with two different codes.
    """
    if name.startswith("opus:") and kind in (None, "pairs"):
        return _opus(name)
    found = KNOWN.get(name)
    return found if found and kind in (None, found.kind) else None


def required(name: str) -> DataSet:
    """The data set of a name.

    Raises:
        UsageError: there is none.
    """
    found = known(name)
    if found is None:
        raise UsageError(f"expected one of {', '.join(KNOWN)} or opus:en-de, got {name!r}", "See them: nnlab data")
    return found


def _opus(name: str) -> DataSet:
    codes = OPUS_NAME.fullmatch(name)
    if codes is None or codes[1] == codes[2]:
        raise UsageError(
            f"expected opus: and two different language codes, got {name!r}",
            "For example opus:en-de, English to German; the codes are listed at opus.nlpl.eu",
        )
    return DataSet(
        name=name,
        kind="pairs",
        about=f"sentence pairs, {codes[1]} to {codes[2]}",
        licence=TATOEBA,
        attribution="Tatoeba by OPUS (Tiedemann 2012)",
        fingerprint=digests.of_file,
        sources=(_opus_source(codes[1], codes[2], f"opus-{codes[1]}-{codes[2]}.txt", 10_000_000),),
    )
