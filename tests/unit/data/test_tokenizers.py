"""Subwords: every sentence comes back, cuts at random are repeatable, and the unknown is named."""

from __future__ import annotations

import json

import numpy as np

from nnlab.data import encoding, sentence_pairs
from nnlab.data.sentence_pairs import END, UNKNOWN
from nnlab.data.subwords import Subwords

SENTENCES = sentence_pairs.sample().targets


def test_every_sentence_comes_back_however_it_is_cut():
    fitted = Subwords.of(SENTENCES, 120)
    assert all(fitted.write(fitted.read(sentence).tolist()) == sentence for sentence in SENTENCES)
    cut = fitted.read_at_random(SENTENCES, 5)
    assert [fitted.write(ids.tolist()) for ids in cut] == SENTENCES
    again = fitted.read_at_random(SENTENCES, 5)
    assert all(np.array_equal(a, b) for a, b in zip(cut, again, strict=True))
    other = fitted.read_at_random(SENTENCES, 6)
    assert sum(not np.array_equal(a, b) for a, b in zip(cut, other, strict=True)) > 300
    assert np.mean([len(ids) for ids in cut]) > np.mean([len(fitted.read(s)) for s in SENTENCES])


def test_the_same_sentences_give_the_same_pieces_and_a_record_gives_them_back():
    fitted = Subwords.of(SENTENCES, 120)
    assert Subwords.of(SENTENCES, 120).model == fitted.model
    again = encoding.tokenizer_from_json(json.loads(json.dumps(fitted.record())))
    assert isinstance(again, Subwords)
    assert np.array_equal(again.read(SENTENCES[0]), fitted.read(SENTENCES[0]))
    language = encoding.tokenizer_from_json(sentence_pairs.Language.of(SENTENCES).record())
    assert language.characters == fitted.characters


def test_few_sentences_and_a_size_below_their_characters():
    few = [f"{chr(0x4E00 + n)}{chr(0x4E50 + n)} {n}" for n in range(60)]
    fitted = Subwords.of(few, 10)
    assert [fitted.write(fitted.read(one).tolist()) for one in few] == few
    assert len(Subwords.of(["ab", "ba"] * 10, 2000)) < 70


def test_the_unknown_is_an_id_of_its_own_and_named():
    fitted = Subwords.of(SENTENCES, 120)
    assert UNKNOWN in fitted.read("Elle Ω chante.").tolist()
    assert fitted.unknown("Elle Ω chante.") == "Ω"
    assert fitted.write([*fitted.read("Elle").tolist(), END, 9, 9]) == "Elle"


def test_what_is_encoded_begins_and_ends():
    some = [("She sings.", "Elle chante."), ("Go.", "Va !")]
    source, target = encoding.fit_tokenizers(some * 10, 0)
    encoded = encoding.encode(some, source, target)
    inputs, following = encoded.batch([0, 1], left=False)
    assert inputs["target"][:, 0].tolist() == [1, 1]
    assert target.write(following[0].tolist()) == "Elle chante."
    assert encoded.characters.tolist() == [13, 5]
    left, _ = encoded.batch([0, 1], left=True)
    assert left["source"][1].tolist() == [0] * 7 + source.read("Go.").tolist()
