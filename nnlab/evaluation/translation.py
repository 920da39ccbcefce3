"""How good translations are: exact match, chrF and BLEU, against several references (sacreBLEU)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scores:
    """Exact match as a share; chrF (Popović 2015) and BLEU (Papineni et al. 2002) from 0 to 100.

    All but ``bleu_one_reference`` take all references that a sentence has.

    The signatures are sacreBLEU's (Post 2018): what the scores depend on.
    """

    exact_match: float
    chrf: float
    bleu: float
    bleu_one_reference: float  # with the first reference of each sentence alone
    chrf_signature: str
    bleu_signature: str


def score(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Score translations against their references.

    ``outputs`` ``(sentences,)``; ``references``: of each, one or more; they may have different numbers of them.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    count = max(map(len, references))
    # sacreBLEU wants one list for each reference that a sentence may have, with None where it has fewer.
    lists: Any = [[own[number] if number < len(own) else None for own in references] for number in range(count)]
    chrf, bleu = CHRF(), BLEU()
    chrf_score, bleu_score = (metric.corpus_score(list(outputs), lists).score for metric in (chrf, bleu))
    one_reference = BLEU().corpus_score(list(outputs), [[own[0] for own in references]]).score
    right = sum(output in own for output, own in zip(outputs, references, strict=True))
    signatures = str(chrf.get_signature()), str(bleu.get_signature())
    return Scores(right / len(references), chrf_score, bleu_score, one_reference, *signatures)
