"""Baselines of translations: what is nearest, and what stands for a word."""

from __future__ import annotations

import numpy as np

from nnlab.evaluation.translation_baselines import WORDS, joined, nearest, tied_signs, word_for_word

PAIRS = [
    ("I see the dog.", "Je vois le chien."),
    ("You see the cat.", "Tu vois le chat."),
    ("I hear a cat.", "J'entends un chat."),
    ("The dog sleeps.", "Le chien dort."),
    ("You hear the dog!", "Tu entends le chien !"),
    ("The house is red.", "La maison est rouge."),
    ("The house is red.", "C'est la maison rouge."),
]


def test_the_nearest_sentence_is_the_one_of_the_largest_cosine():
    """Against TF-IDF written out: smoothed, sublinear, of runs of 1 to 5 characters within padded words."""
    known = list(dict.fromkeys(source for source, _ in PAIRS))

    def grams(text):
        found = []
        for word in text.lower().split():
            padded = f" {word} "
            for n in range(1, 6):
                found += (
                    [padded[k : k + n] for k in range(max(1, len(padded) - n + 1))] if n < len(padded) else [padded]
                )
                if n >= len(padded):
                    break
        return found

    documents = [grams(text) for text in known]
    names = sorted({gram for document in documents for gram in document})
    idf = {g: np.log((1 + len(known)) / (1 + sum(g in document for document in documents))) + 1 for g in names}

    def vector(text):
        own = grams(text)
        row = np.array([(1 + np.log(own.count(g))) * idf[g] if g in own else 0.0 for g in names])
        return row / np.linalg.norm(row)

    rows = np.array([vector(text) for text in known])
    first: dict[str, str] = {}
    for source, target in PAIRS:
        first.setdefault(source, target)
    asked = ["You hear the cat.", "A red house.", "The dogs sleep.", "I see."]
    wanted = [first[known[int((rows @ vector(text)).argmax())]] for text in asked]
    assert nearest(PAIRS, asked) == wanted
    assert nearest(PAIRS, [source for source, _ in PAIRS]) == [first[source] for source, _ in PAIRS]


def test_words_are_those_of_the_largest_dice_coefficient():
    assert word_for_word(PAIRS, ["The cat sleeps."]) == ["Le chat dort."]
    assert word_for_word(PAIRS, ["See Anna's dog!"]) == ["Vois Anna's chien !"]
    pairs = [({*WORDS.findall(s.lower())}, {*WORDS.findall(t[0].lower() + t[1:])}) for s, t in PAIRS]
    written = sorted({word for _, words in pairs for word in words if len(word) > 1 or word.isalpha()})
    for word in ("i", "you", "see", "hear", "the", "a", "dog", "cat", "sleeps", "house", "is", "red"):
        counts = {other: sum(word in s and other in t for s, t in pairs) for other in written}
        total = sum(word in s for s, _ in pairs)
        dice = {other: 2 * counts[other] / (total + sum(other in t for _, t in pairs)) for other in written}
        [made] = word_for_word(PAIRS, [word])
        assert dice[made[0].lower() + made[1:]] == max(dice.values())


def test_both_are_the_same_each_time_and_of_many_sentences_as_of_one():
    asked = ["You see a red dog.", "The cat is red.", "", "λέξη"] * 200
    for baseline in (nearest, word_for_word):
        together = baseline(PAIRS, asked)
        assert len(together) == len(asked)
        assert together == baseline(PAIRS, asked)
        assert together[:4] == [baseline(PAIRS, [sentence])[0] for sentence in asked[:4]]


def test_signs_stand_as_they_do_in_training():
    assert tied_signs(["Ça va ?", "Oui, « bon ».", "Et toi ?"]) == {",", "."}
    assert joined(["oui", ",", "«", "bon", "»", "."], {",", "."}) == "Oui, « bon »."
    assert joined([], {","}) == ""
