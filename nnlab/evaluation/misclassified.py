"""Which test pictures a network gets wrong over many runs, and which labels are probably wrong.

``probabilities`` are of shape ``(runs, pictures, 10)``, ``labels`` ``(pictures,)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
NEARLY_ALL, CONFIDENT = 0.9, 0.5  # of the runs; in the mean of the probabilities


@dataclass(frozen=True)
class Misclassified:
    """One test picture that a network gets wrong; probabilities are means over the runs."""

    index: int
    label: int
    predicted: int
    p_label: float
    p_predicted: float
    gap: float
    runs_misclassified: int

    def record(self) -> dict[str, Any]:
        """As in the JSON document."""
        return dataclasses.asdict(self)

    def caption(self) -> str:
        """Label and prediction for a picture's title."""
        return f"{self.label} → {self.predicted}"


def accuracies(probabilities: Array, labels: Array) -> list[float]:
    """Each run's accuracy."""
    return [float(value) for value in (probabilities.argmax(-1) == labels).mean(axis=1)]


def any_wrong(probabilities: Array, labels: Array) -> Array:
    """Which pictures at least one run gets wrong: bool ``(pictures,)``."""
    wrong: Array = (probabilities.argmax(-1) != labels).any(axis=0)
    return wrong


def ranked(labels: Array, *probabilities: Array) -> list[Misclassified]:
    """Every picture that any run gets wrong, worst first: by |p(label) - p(predicted)|, as the report ranks.

    The prediction is the most probable digit other than the label, by the mean over the runs; a picture that the mean
    of the runs gets right comes after all that it gets wrong. Several arrays of ``probabilities`` (of several
    experiments) count as the runs of one.
    """
    runs = sum(len(part) for part in probabilities)
    mean = sum(part.sum(axis=0, dtype=np.float64) for part in probabilities) / runs  # (pictures, 10)
    counts = sum((part.argmax(-1) != labels).sum(axis=0) for part in probabilities)
    pictures = []
    for index in np.flatnonzero(counts):
        label = int(labels[index])
        others = mean[index].copy()
        others[label] = -1
        predicted = int(others.argmax())
        p_label, p_predicted = float(mean[index, label]), float(mean[index, predicted])
        gap = abs(p_label - p_predicted)
        pictures.append(Misclassified(int(index), label, predicted, p_label, p_predicted, gap, int(counts[index])))
    return sorted(pictures, key=lambda item: (item.p_label - item.p_predicted, -item.runs_misclassified, item.index))


def in_common(tops: Mapping[str, Sequence[Misclassified]]) -> dict[int, list[str]]:
    """The index of each picture of any top list, with the names of the experiments that have it in theirs."""
    experiments: dict[int, list[str]] = {}
    for name, top in tops.items():
        for picture in top:
            experiments.setdefault(picture.index, []).append(name)
    return experiments


def trusted(probabilities: Mapping[str, Array], labels: Array) -> bool:
    """Whether networks are many and good enough to accuse a label: three runs of each experiment, all 97 % right."""
    return all(len(part) >= 3 and min(accuracies(part, labels)) >= 0.97 for part in probabilities.values())


def ledger(probabilities: Mapping[str, Array], labels: Array) -> list[dict[str, Any]]:
    """Every picture that any run of any experiment got wrong, the most suspicious label first.

    ``probabilities``: of each experiment, by name. Ranked by the mean over all runs of all experiments of
    p(predicted) - p(label): how confidently the networks together contradict the label. ``suspect`` where in every
    experiment at least nine in ten runs are wrong and that mean is above one half, if the networks can be
    :func:`trusted`.
    """
    trust = trusted(probabilities, labels)
    runs = sum(len(part) for part in probabilities.values())
    wrong = {name: (part.argmax(-1) != labels).sum(axis=0) for name, part in probabilities.items()}
    rows = []
    for picture in ranked(labels, *probabilities.values()):
        contradiction = picture.p_predicted - picture.p_label
        counts = {name: int(count[picture.index]) for name, count in wrong.items()}
        nearly_all = all(counts[name] / len(part) >= NEARLY_ALL for name, part in probabilities.items())
        rows.append(
            {
                "index": picture.index,
                "label": picture.label,
                "predicted": picture.predicted,
                "contradiction": round(contradiction, 6),
                **{f"wrong_{name}": count for name, count in counts.items()},
                "runs": runs,
                "suspect": int(trust and nearly_all and contradiction > CONFIDENT),
            }
        )
    return rows


def mean_accuracy(result: Mapping[str, Any]) -> float:
    """The accuracy of an experiment's results, over one run or several."""
    figure = result["test_accuracy"]
    return float(figure["mean"] if isinstance(figure, Mapping) else figure)
