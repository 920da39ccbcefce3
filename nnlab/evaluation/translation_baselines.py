"""What a network that translates has to beat: looking the nearest sentence up, and going word for word."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

WORDS = re.compile(r"\w+(?:['’]\w*)*|[^\w\s]")  # words, with what an apostrophe ties to them, and single signs
AT_ONCE = 256  # sentences compared with all others

Pairs = Sequence[tuple[str, str]]


def translation_baselines(training: Pairs, sentences: Sequence[str]) -> dict[str, list[str]]:
    """Translations of sentences by each baseline, fitted on pairs of a sentence and its translation."""
    return {"nearest": nearest(training, sentences), "word_for_word": word_for_word(training, sentences)}


def nearest(training: Pairs, sentences: Sequence[str]) -> list[str]:
    """For each sentence the translation of the training sentence that is most like it.

    Alike is what shares runs of 1 to 5 characters, within words and across their ends, the rarer the more (TF-IDF,
    cosine). Of several that are equally near, or translations of one sentence, the first in the file.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = list(dict(reversed(training)).items())[::-1]  # the first translation of each
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), dtype=np.float32, sublinear_tf=True)
    rows = vectorizer.fit_transform(source for source, _ in known)
    columns = rows.T.tocsr()
    answers = []
    for start in range(0, len(sentences), AT_ONCE):
        asked = vectorizer.transform(sentences[start : start + AT_ONCE])
        near = (asked @ columns).toarray().argmax(axis=1)
        answers += [known[row][1] for row in near.tolist()]
    return answers


def word_for_word(training: Pairs, sentences: Sequence[str]) -> list[str]:
    """Each word becomes the one that it most often stands in the same pair with, by Dice's coefficient.

    That is 2 c(s, t) / (c(s) + c(t)), of counts of pairs (Dice 1945; Smadja and others 1996). Signs become signs, words
    become words; what was never read stays as it is, and so does the order.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    def counted(texts: Sequence[str], *, lower: bool) -> tuple[Any, Any]:
        vectorizer = CountVectorizer(tokenizer=WORDS.findall, lowercase=lower, token_pattern=None, binary=True)
        return vectorizer.fit_transform(texts).astype(np.int64), vectorizer.get_feature_names_out()

    read, source_words = counted([source for source, _ in training], lower=True)
    written, target_words = counted([_small(target) for _, target in training], lower=False)
    together = (read.T @ written).tocoo()
    is_sign = [np.array([word in signs_of([word]) for word in words]) for words in (source_words, target_words)]
    alike = is_sign[0][together.row] == is_sign[1][together.col]
    row, column, count = together.row[alike], together.col[alike], together.data[alike]
    of_source, of_target = (np.asarray(side.sum(axis=0)).ravel() for side in (read, written))
    dice = 2 * count / (of_source[row] + of_target[column])
    order = np.lexsort((column, -dice, row))  # by source word, the best first
    rows, first = np.unique(row[order], return_index=True)
    words = target_words[column[order][first]].tolist()
    lexicon = dict(zip(source_words[rows].tolist(), words, strict=True))
    close = tied_signs([target for _, target in training])
    return [
        joined([lexicon.get(word.lower(), word) for word in WORDS.findall(sentence)], close) for sentence in sentences
    ]


def signs_of(words: Sequence[str]) -> set[str]:
    """Those that are no words."""
    return {word for word in words if not any(map(str.isalnum, word)) and word != "_"}


def tied_signs(sentences: Sequence[str]) -> set[str]:
    """The signs that mostly follow a word without a space: a full stop, not a French question mark."""
    text = "\n".join(sentences)
    return {sign for sign in signs_of(sorted(set(text) - {"\n", " "})) if 2 * text.count(f" {sign}") < text.count(sign)}


def _small(sentence: str) -> str:
    """A sentence without its first capital, which is that of any word that begins one."""
    return sentence[:1].lower() + sentence[1:]


def joined(words: Sequence[str], close: Collection[str]) -> str:
    """Words and signs as a sentence that begins with a capital; ``close`` are the signs that no space comes before.

    >>> joined(["ce", "soir", ",", "il", "chante", "!"], ",.")
    'Ce soir, il chante !'
    """
    text = "".join(word if word in close else f" {word}" for word in words).strip()
    return text[:1].upper() + text[1:]
