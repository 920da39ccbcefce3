"""Sentences as the networks of ``translate`` read and write them, and what ``predict`` does with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nnlab.config import Inherited
from nnlab.configs.translate import TranslateConfig
from nnlab.data.pairs.checks import LONGEST
from nnlab.data.pairs.rows import normalize
from nnlab.data.pairs.sentence_pairs import Split
from nnlab.data.texts.batching import Encoded
from nnlab.data.texts.tokenizers import SubwordTokenizer, Tokenizer, tokenizer_from_json
from nnlab.errors import InputError, UsageError
from nnlab.experiments import Predictor


@dataclass(frozen=True)
class Sentences:
    """The pairs as they were split, and as ids of the tokenizers fitted on the training pairs."""

    parts: Split
    source: Tokenizer
    target: Tokenizer
    training: Encoded
    watched: Encoded  # what is measured after each epoch: validation where there is one, else test
    test: Encoded
    measured: Encoded  # some of the training pairs
    limit: int  # ids of the longest translation
    steps: int  # batches per epoch
    places: int  # characters of the longest target, begin and end too

    @property
    def prefix(self) -> Literal["val", "test"]:
        """Of the figures of what is watched."""
        return "val" if self.parts.validation else "test"


def tokenizers_of(preprocessing: Mapping[str, Any]) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of a run, of what ``preprocessing.json`` says. InputError where they are none."""
    source, target = (tokenizer_from_json(preprocessing.get(side)) for side in ("source", "target"))
    return source, target


def given_tokenizers(config: TranslateConfig, inherited: Inherited) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of the weights that training starts from. UsageError where other ones are asked for."""
    source, target = tokenizers_of(inherited.preprocessing)
    of_subwords = isinstance(source, SubwordTokenizer)
    if of_subwords != bool(config.vocab_size):
        kinds = ("subwords", "characters")
        raise UsageError(
            f"expected {kinds[not of_subwords]}, which {inherited.run} was trained on, got {kinds[of_subwords]}",
            "The vocabulary stays that of the weights",
        )
    return source, target


def unknown_characters(parts: Split, source: Tokenizer, target: Tokenizer, run: str) -> list[str]:
    """What is told of the characters of the training pairs that given weights have no id for."""
    strange = {character for one, other in parts.training for character in source.unknown(one) + target.unknown(other)}
    if not strange:
        return []
    named = " ".join(sorted(strange)[:20]) + (" …" if len(strange) > 20 else "")
    return [f"characters unknown to {run} are read as unknown: {named}"]


def mostly_greek(sentences: Sequence[str]) -> bool:
    """Whether more than half of the letters are Greek."""
    letters = [character for sentence in sentences for character in sentence if character.isalpha()]
    greek = sum("\u0370" <= letter <= "\u03ff" or "\u1f00" <= letter <= "\u1fff" for letter in letters)
    return 2 * greek > len(letters)


def padded(encoded: Encoded, model: Any, rows: Any, at_most: int) -> tuple[dict[str, Any], Any]:
    """Inputs and next ids of some rows, up to ``at_most``, as the network reads them on this backend."""
    from nnlab.backend import compiles_each_shape

    return encoded.batch(rows, left=model.pad_left, compiled_for=at_most if compiles_each_shape() else None)


# ---- predict ------------------------------------------------------------------------------------------


class SentencePredictor(Predictor[str]):
    """Translates sentences with a trained network, many in one compiled batch."""

    asks = "a sentence"

    def __init__(
        self,
        config: TranslateConfig,
        model: Any,
        source: Tokenizer,
        target: Tokenizer,
        limit: int,
        options: Mapping[str, Any],
    ) -> None:
        from nnlab.models.beam_search import Translator

        self.model, self.source, self.target = model, source, target
        self._best = options.get("n_best")
        best = self._best or 1
        beam = options.get("beam") or max(config.beam, best)
        self._translator = Translator(model, source, target, limit, beam=beam, best=best)
        if self._best:
            self.tells = "The best translations with their scores: mean log-probability per subword or character."

    def read(self, text: str) -> str:
        """A sentence as it was read in training; InputError for one that is too long."""
        sentence = normalize(text)
        if len(sentence) > LONGEST:
            raise InputError(
                f"expected a sentence of up to {LONGEST} characters, got {len(sentence):,}",
                "Translate it sentence by sentence",
            )
        return sentence

    def note(self, given: str) -> str:
        """What of a sentence the model never read."""
        unknown = self.source.unknown(given)
        return f"read as unknown, the training sentences have none: {' '.join(unknown)}" if unknown else ""

    def answer(self, inputs: Sequence[str]) -> list[Any]:
        """The translations, in order; an empty sentence stays empty.

        With ``n_best`` a list for each sentence, best first: ``{"text": …, "score": …}``, the score being the mean
        log-probability (nats) per id, which the search ranks by.
        """
        sentences = [sentence for sentence in inputs if sentence]
        if not self._best:
            answers = iter(self._translator.translate(sentences))
            return [next(answers) if sentence else "" for sentence in inputs]
        lists = iter(self._translator.n_best(sentences))
        return [
            [{"text": text, "score": score} for text, score in next(lists)] if sentence else [] for sentence in inputs
        ]

    def line(self, text: str, answer: Any) -> str:
        """A translation; of the n best ``translation TAB score TAB translation TAB score …``."""
        if isinstance(answer, str):
            return answer
        return "\t".join(f"{' '.join(one['text'].split(chr(9)))}\t{one['score']:.4f}" for one in answer)

    def show(self, text: str, given: str) -> Any:
        """As at the prompt: of the n best one per line, the score before it."""
        answer = self.answer([given])[0]
        if isinstance(answer, str):
            return answer
        return "\n".join(f"{one['score']:8.4f}  {one['text']}" for one in answer)
