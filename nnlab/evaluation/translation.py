"""How good translations are: exact match, chrF and BLEU, against several references (sacreBLEU)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scores:
    """Exact match as a share; chrF (Popović 2015) and BLEU (Papineni and others 2002) from 0 to 100."""

    exact_match: float
    chrf: float
    bleu: float
    chrf_signature: str
    bleu_signature: str


def score(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Score each output against its references; a sentence may have any number of them, at least one."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    most = max(map(len, references))
    # sacreBLEU wants a column for each reference a sentence may have, None where it has fewer.
    columns: Any = [[given[number] if number < len(given) else None for given in references] for number in range(most)]
    chrf, bleu = CHRF(), BLEU()
    found = [metric.corpus_score(list(outputs), columns).score for metric in (chrf, bleu)]
    right = sum(output in given for output, given in zip(outputs, references, strict=True))
    return Scores(right / len(references), found[0], found[1], str(chrf.get_signature()), str(bleu.get_signature()))
