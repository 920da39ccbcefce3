"""What a translator considers: its best translations of held-out sentences, and where it looked for each token."""

from __future__ import annotations

import math
from typing import Any

from nnlab.configs.translate import TranslateConfig
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments import translate as experiment
from nnlab.experiments._sentences import Sentences
from nnlab.experiments.insights import Content, Insight, Matrix, Table

SENTENCES, BEST, MAPS = 4, 5, 3
LONGEST = 44  # tokens of a sentence whose attention still can be read


def insights(config: TranslateConfig, loaded: Loaded[TranslateConfig, Sentences], run: FinishedRun) -> list[Insight]:
    """What was measured of some test sentences and the n best; and their attention, of a network that has it."""
    from nnlab.models.beam_search import Translator

    predictor = experiment.predictor(config, run, {})
    references = loaded.data.parts.test
    limit = experiment.limit_of(run)
    chosen = some(list(references))
    given = predictor.model, predictor.source, predictor.target, limit
    width = max(config.beam, BEST)
    best = Translator(*given, beam=width, best=BEST).n_best(chosen)
    wrote = best if width == config.beam else Translator(*given, beam=config.beam).n_best(chosen)
    contents: list[Content] = []
    for sentence, [first, *_], found in zip(chosen, wrote, best, strict=True):
        listed = [first, *(one for one in found if one[0] != first[0])][:BEST]
        rows = [
            [f"{text} ✓" if text in references[sentence] else text, f"{round(score, 2) + 0.0:.2f}"]
            for text, score in listed
        ]
        contents.append(Table([sentence, "score"], rows, bars=[math.exp(score) for _, score in listed]))
    caption = (
        f"First the translation of a test sentence that was measured ({ways(config.beam)}), then the best others that "
        f"a beam of {width} finds; ✓: a reference says exactly this. The score is the mean log-probability per token "
        "(0 would be certain), the bar the probability that it stands for."
    )
    made = [Insight("What else it might have written", caption, contents)]
    if config.network == "attentive":
        greedy = Translator(*given)
        maps = [attention_of(greedy, sentence) for sentence in chosen[:MAPS]]
        caption = (
            "One row for each token as it is written greedily, one column for each token of the sentence: coloured "
            "where the network looked while it chose. A translation that follows the order of the words runs down the "
            "diagonal."
        )
        made.append(Insight("Where it looked while it wrote", caption, [one for one in maps if one.rows]))
    return made


def ways(beam: int) -> str:
    """How a beam of this width writes."""
    return "written greedily" if beam == 1 else f"with a beam of {beam}"


def some(sentences: list[str]) -> list[str]:
    """Sentences of different lengths, none too long to be shown."""
    longer = sorted(sentences, key=lambda sentence: (len(sentence), sentence))
    places = [int(share * (len(longer) - 1)) for share in (0.2, 0.45, 0.7, 0.9)][:SENTENCES]
    return list(dict.fromkeys(longer[place] for place in places))


def attention_of(translator: Any, sentence: str) -> Matrix:
    """The attention map of the greedy translation; cut where it is too long to be read."""
    read, written, weights = translator.attention(sentence)
    values = [[float(value) for value in row[:LONGEST]] for row in weights[:LONGEST]]
    columns, rows = named(read), named([*written, "(end)"][: len(weights)])
    return Matrix(sentence, columns, rows, [*values, []][: len(rows)])  # no weights where it goes on


def named(tokens: list[str]) -> list[str]:
    """The tokens of a sentence as an axis names them; an ellipsis where it goes on."""
    return [*(token.strip() or "␣" for token in tokens[:LONGEST]), *["…"][: len(tokens) > LONGEST]]
