"""Tokenizers: text to ids and back. All are fitted on training data alone.

``TextTokenizer`` has the characters of one long text. ``CharTokenizer`` and ``SubwordTokenizer`` have those of
sentences; their ids 0 to 3 are padding, a sentence's start, its end, and the unknown.
"""

from __future__ import annotations

import base64
import binascii
import collections
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from nnlab.data.random import Stream, rng
from nnlab.data.texts.subword_sampling import SubwordSampler
from nnlab.errors import InputError

Ids: TypeAlias = np.ndarray[Any, Any]
PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = 4  # ids before those of characters or subwords
MOST_IDS = 1 << 16  # ids are uint16
ALPHA = 0.2  # of Kudo's subword regularization


class TextTokenizer:
    """The characters of one long text, composed (NFC); what it has no id for is left out."""

    def __init__(self, characters: str, *, lower: bool = False) -> None:
        self.characters, self.lower = characters, lower
        self._ids = {character: number for number, character in enumerate(characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """The ids of the characters that are known."""
        return [self._ids[character] for character in self._as_read(text) if character in self._ids]

    def unknown(self, text: str) -> str:
        """The characters of a text that are not known, each once."""
        return _unknown(self._as_read(text), self._ids)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""
        return "".join(self.characters[number] for number in ids)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"characters": self.characters, "lower": self.lower}

    @classmethod
    def from_json(cls, record: Any) -> TextTokenizer:
        """What :meth:`to_json` gave; InputError where it is something else."""
        characters, lower = _characters_of(record), record.get("lower")
        if not characters or not isinstance(lower, bool):
            raise InputError("expected the characters of a text and whether it is lower-cased", DAMAGED)
        return cls(characters, lower=lower)

    def _as_read(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        return "".join(map(self._known_as, text.lower() if self.lower else text))

    def _known_as(self, character: str) -> str:
        """The character, or its parts where only they are known, as to earlier runs of decomposed texts."""
        parts = character if character in self._ids else unicodedata.normalize("NFD", character)
        return parts if all(part in self._ids for part in parts) else character


class CharTokenizer:
    """The single characters of sentences."""

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self._ids = {character: SPECIAL + number for number, character in enumerate(characters)}

    @classmethod
    def fit(cls, sentences: Sequence[str]) -> CharTokenizer:
        """Every character of some sentences, the most frequent where they are more than ids can count."""
        characters = set().union(*sentences)
        if len(characters) > MOST_IDS - SPECIAL:
            counted = collections.Counter("".join(sentences)).most_common(MOST_IDS - SPECIAL)
            characters = {character for character, _ in counted}
        return cls("".join(sorted(characters)))

    def __len__(self) -> int:
        return SPECIAL + len(self.characters)

    def encode(self, sentence: str) -> Ids:
        """The ids of a sentence ``(characters,)``, uint16; a character never seen is ``UNKNOWN``."""
        return np.array([self._ids.get(character, UNKNOWN) for character in sentence], np.uint16)

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence of ids, up to its end."""
        return "".join(self.characters[number - SPECIAL] for number in _until_end(ids) if number >= SPECIAL)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each character."""
        return [self.characters[number - SPECIAL] if number >= SPECIAL else "?" for number in ids]

    def unknown(self, sentence: str) -> str:
        """The characters of a sentence that are not known, each once."""
        return _unknown(sentence, self._ids)

    def to_json(self) -> dict[str, str]:
        """As plain JSON values."""
        return {"characters": self.characters}


class SubwordTokenizer:
    """Subwords of a unigram language model (Kudo 2018; sentencepiece).

    While training, a sentence may be segmented at random, another way each time, as if there were more sentences.
    """

    def __init__(self, model: bytes, characters: str) -> None:
        """``model``: of sentencepiece, as it saves it. RuntimeError where it is none."""
        from sentencepiece import SentencePieceProcessor

        self.model, self.characters = model, characters
        self._processor: Any = SentencePieceProcessor(model_proto=model)
        self._known = frozenset(characters)

    @classmethod
    def fit(cls, sentences: Sequence[str], vocab_size: int) -> SubwordTokenizer:
        """At most about ``vocab_size`` subwords, every character of the sentences among them.

        Raises InputError where sentencepiece cannot fit them.
        """
        import sentencepiece

        characters = "".join(sorted(set().union(*sentences)))
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(sentences),
                model_writer=model,
                vocab_size=min(max(vocab_size, len(characters) + 50), MOST_IDS),
                hard_vocab_limit=False,
                character_coverage=1.0,
                normalization_rule_name="identity",
                pad_id=PAD,
                bos_id=START,
                eos_id=END,
                unk_id=UNKNOWN,
                num_threads=1,  # the order of sums, and with it the bits
                minloglevel=2,
            )
            return cls(model.getvalue(), characters)
        except (RuntimeError, OSError) as error:
            raise InputError(
                f"no subwords can be fitted on the {len(sentences):,} training sentences ({_last_line(error)})",
                "Use more or other pairs, or --preset quick, which reads single characters",
            ) from error

    def __len__(self) -> int:
        return int(self._processor.get_piece_size())

    def encode(self, sentence: str) -> Ids:
        """The ids of the most probable segmentation ``(subwords,)``, uint16."""
        readable = sentence.encode("utf-8", "surrogatepass").decode("utf-8", "replace")  # halves of pairs are unknown
        return np.array(self._processor.encode(readable), np.uint16)

    def encode_sampled(self, sentences: Sequence[str], seed: int) -> tuple[Ids, Ids]:
        """Each sentence segmented at random; the same seed draws the same.

        Returns the ids of all one after the other, and where each sentence's end ``(n,)``.
        """
        normalized = self._processor.normalize(list(sentences))
        return self._sampler.sample(normalized, rng(seed, Stream.SEGMENTATION))

    @cached_property
    def _sampler(self) -> SubwordSampler:
        model = self._processor
        subwords = {model.id_to_piece(n): (n, model.get_score(n)) for n in range(SPECIAL, len(self))}
        return SubwordSampler(subwords, alpha=ALPHA, unknown_id=UNKNOWN)

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence of ids, up to its end."""
        return str(self._processor.decode([int(number) for number in _until_end(ids) if number > UNKNOWN]))

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each subword as it is written."""
        return [str(self._processor.id_to_piece(int(number))).replace("▁", " ").strip() or "␣" for number in ids]

    def unknown(self, sentence: str) -> str:
        """The characters of a sentence that are not known, each once."""
        return _unknown(sentence, self._known)

    def to_json(self) -> dict[str, str]:
        """As plain JSON values."""
        return {"characters": self.characters, "subword_model": base64.b64encode(self.model).decode()}


Tokenizer: TypeAlias = CharTokenizer | SubwordTokenizer


def fit_tokenizers(pairs: Sequence[tuple[str, str]], vocab_size: int) -> tuple[Tokenizer, Tokenizer]:
    """Tokenizers of both sides, fitted on the training pairs alone: a character that only others have is unknown.

    ``vocab_size``: subwords per side; 0: single characters.
    """
    sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
    if vocab_size:
        return SubwordTokenizer.fit(sources, vocab_size), SubwordTokenizer.fit(targets, vocab_size)
    return CharTokenizer.fit(sources), CharTokenizer.fit(targets)


DAMAGED = "The run folder is damaged, or not nnlab's: train again"


def tokenizer_from_json(record: Any) -> Tokenizer:
    """The tokenizer whose ``to_json`` this is; InputError where it is something else."""
    characters = _characters_of(record)
    if "subword_model" not in record:
        return CharTokenizer(characters)
    try:
        tokenizer = SubwordTokenizer(base64.b64decode(record["subword_model"], validate=True), characters)
    except (TypeError, ValueError, binascii.Error, RuntimeError) as error:
        raise InputError("expected a model of subwords, it cannot be read", DAMAGED) from error
    if not SPECIAL < len(tokenizer) <= MOST_IDS:
        raise InputError(f"expected up to {MOST_IDS:,} subwords, got {len(tokenizer):,}", DAMAGED)
    return tokenizer


def _characters_of(record: Any) -> str:
    """The characters of a record, each once."""
    characters = record.get("characters") if isinstance(record, Mapping) else None
    if not isinstance(characters, str) or len(set(characters)) != len(characters):
        raise InputError("expected the characters of a tokenizer, each once", DAMAGED)
    return characters


def _unknown(text: str, known: Mapping[str, int] | frozenset[str]) -> str:
    return "".join(dict.fromkeys(character for character in text if character not in known))


def _until_end(ids: Iterable[int]) -> Iterable[int]:
    for number in ids:
        if number == END:
            return
        yield number


def _last_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[-1].strip()
