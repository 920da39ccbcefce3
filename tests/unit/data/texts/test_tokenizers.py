"""Tokenizers: every sentence comes back, segmentations at random are repeatable, and the unknown is named."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from nnlab.data.pairs import sentence_pairs
from nnlab.data.texts import tokenizers
from nnlab.data.texts.batching import Ragged
from nnlab.data.texts.tokenizers import (
    END,
    SPECIAL,
    UNKNOWN,
    CharTokenizer,
    SubwordTokenizer,
    TextTokenizer,
    fit_tokenizers,
    tokenizer_from_json,
)
from nnlab.errors import InputError

SENTENCES = sentence_pairs.sample().targets


@pytest.fixture(scope="module")
def subwords() -> SubwordTokenizer:
    return SubwordTokenizer.fit(SENTENCES, 120)


# ---- characters --------------------------------------------------------------------------------------


def test_characters_of_a_text_both_ways_and_what_is_unknown():
    tokenizer = TextTokenizer("abc ", lower=True)
    assert tokenizer.encode("A cab, a dab") == [0, 3, 2, 0, 1, 3, 0, 3, 0, 1]
    assert tokenizer.unknown("A cab, a dab,") == ",d"
    assert tokenizer.decode([2, 0, 1]) == "cab"
    assert TextTokenizer("abc").unknown("Abc") == "A"
    again = TextTokenizer.from_json(json.loads(json.dumps(tokenizer.to_json())))
    assert (again.characters, again.lower, len(again)) == ("abc ", True, 4)


def test_a_prompt_may_have_decomposed_characters():
    tokenizer = TextTokenizer("acfé", lower=True)
    assert tokenizer.encode("CAFE\u0301") == tokenizer.encode("café") == [1, 0, 2, 3]
    assert tokenizer.unknown("cafe\u0301") == ""
    earlier = TextTokenizer("acef\u0301")  # of a text that was read as it stood
    assert earlier.encode("café") == earlier.encode("cafe\u0301") == [1, 0, 3, 2, 4]
    assert earlier.unknown("caféè") == "è"


def test_characters_of_sentences_both_ways():
    tokenizer = CharTokenizer.fit(["Βρες τον Τομ.", "Πάμε."])
    ids = tokenizer.encode("Πάμε τον Τομ!")
    assert ids.dtype == np.uint16
    assert ids[-1] == UNKNOWN
    assert ids.min() >= UNKNOWN
    assert tokenizer.unknown("Πάμε, Tom") == ",Tom"
    assert tokenizer.decode([*ids.tolist(), END, SPECIAL]) == "Πάμε τον Τομ"
    assert tokenizer.tokens(tokenizer.encode("Πά!")) == ["Π", "ά", "?"]
    assert len(tokenizer) == SPECIAL + len(set("Βρες τον Τομ.Πάμε."))


def test_more_characters_than_ids_can_count():
    many = [chr(number) for number in range(0x10000, 0x10000 + 66_000)]
    tokenizer = CharTokenizer.fit([*many, *many[500:]])
    assert len(tokenizer) == 65_536
    assert tokenizer.encode(many[-1])[0] == 65_535
    assert set(many[500:]) <= set(tokenizer.characters)  # the frequent ones


# ---- subwords ----------------------------------------------------------------------------------------


def test_every_sentence_comes_back_however_it_is_segmented(subwords):
    assert all(subwords.decode(subwords.encode(sentence).tolist()) == sentence for sentence in SENTENCES)
    sampled = Ragged(*subwords.encode_sampled(SENTENCES, 5))
    assert [subwords.decode(ids.tolist()) for ids in sampled] == SENTENCES
    again = Ragged(*subwords.encode_sampled(SENTENCES, 5))
    assert all(np.array_equal(a, b) for a, b in zip(sampled, again, strict=True))
    other = Ragged(*subwords.encode_sampled(SENTENCES, 6))
    assert sum(not np.array_equal(a, b) for a, b in zip(sampled, other, strict=True)) > 300
    assert np.mean(sampled.lengths) > np.mean([len(subwords.encode(sentence)) for sentence in SENTENCES])


def test_the_same_sentences_give_the_same_subwords_and_json_gives_them_back(subwords):
    assert SubwordTokenizer.fit(SENTENCES, 120).model == subwords.model
    again = tokenizer_from_json(json.loads(json.dumps(subwords.to_json())))
    assert isinstance(again, SubwordTokenizer)
    assert np.array_equal(again.encode(SENTENCES[0]), subwords.encode(SENTENCES[0]))
    characters = tokenizer_from_json(CharTokenizer.fit(SENTENCES).to_json())
    assert isinstance(characters, CharTokenizer)
    assert characters.characters == subwords.characters


def test_few_sentences_and_a_size_below_their_characters():
    few = [f"{chr(0x4E00 + n)}{chr(0x4E50 + n)} {n}" for n in range(60)]
    tokenizer = SubwordTokenizer.fit(few, 10)
    assert [tokenizer.decode(tokenizer.encode(sentence).tolist()) for sentence in few] == few
    assert len(SubwordTokenizer.fit(["ab", "ba"] * 10, 2000)) < 70


def test_the_unknown_is_an_id_of_its_own_and_named(subwords):
    assert UNKNOWN in subwords.encode("Elle Ω chante.").tolist()
    assert subwords.unknown("Elle Ω chante.") == "Ω"
    assert subwords.encode("Elle \ud83d chante.").tolist() == subwords.encode("Elle Ω chante.").tolist()
    assert subwords.decode([*subwords.encode("Elle").tolist(), END, 9, 9]) == "Elle"
    assert "".join(subwords.tokens(subwords.encode("Elle chante."))).replace("␣", "") == "Ellechante."


def test_sentences_are_segmented_as_sentencepiece_reads_them(subwords):
    sampled = Ragged(*subwords.encode_sampled(["  Elle   chante. ", "Elle chante."], 1))
    assert {subwords.decode(ids.tolist()) for ids in sampled} == {"Elle chante."}


def test_the_kind_of_tokenizer_follows_the_size():
    pairs = [("She sings.", "Elle chante."), ("Go.", "Va !")] * 10
    assert all(isinstance(tokenizer, CharTokenizer) for tokenizer in fit_tokenizers(pairs, 0))
    assert all(isinstance(tokenizer, SubwordTokenizer) for tokenizer in fit_tokenizers(pairs, 50))


def test_sentences_that_cannot_be_fitted_are_said(monkeypatch):
    import sentencepiece

    def fail(**options):
        raise RuntimeError("Internal: src/trainer.cc(1) [x]\nInput corpus is empty.")

    monkeypatch.setattr(sentencepiece.SentencePieceTrainer, "train", fail)
    with pytest.raises(InputError, match=r"no subwords can be fitted on the 1 training .*\(Input corpus is empty"):
        SubwordTokenizer.fit(["a"], 10)


# ---- records of a stranger ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        {"characters": 5},
        {"characters": "aa"},
        {"characters": "ab", "subword_model": 5},
        {"characters": "ab", "subword_model": "no base 64"},
        {"characters": "ab", "subword_model": base64.b64encode(b"no model of sentencepiece").decode()},
        {"characters": "ab", "subword_model": ""},
    ],
)
def test_a_damaged_record_is_an_input_error(record):
    with pytest.raises(InputError, match="expected"):
        tokenizer_from_json(record)


@pytest.mark.parametrize("record", [None, {"characters": "ab"}, {"characters": "", "lower": True}, {"lower": False}])
def test_a_damaged_record_of_a_text_is_an_input_error(record):
    with pytest.raises(InputError, match="expected"):
        TextTokenizer.from_json(record)


def test_no_more_subwords_than_ids_can_count(subwords, monkeypatch):
    monkeypatch.setattr(tokenizers, "MOST_IDS", 50)
    with pytest.raises(InputError, match="expected up to 50 subwords"):
        tokenizer_from_json(subwords.to_json())
