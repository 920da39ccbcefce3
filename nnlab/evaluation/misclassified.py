"""Which test pictures fool a network, over many runs, and which labels are probably wrong.

``shares`` are probabilities of shape ``(runs, pictures, 10)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
NEARLY_ALL, CONFIDENT = 0.9, 0.5


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


def accuracies(shares: Array, labels: Array) -> list[float]:
    """Each run's accuracy."""
    return [float(value) for value in (shares.argmax(-1) == labels).mean(axis=1)]


def any_wrong(shares: Array, labels: Array) -> Array:
    """Which pictures at least one run gets wrong."""
    wrong: Array = (shares.argmax(-1) != labels).any(axis=0)
    return wrong


def ranked(labels: Array, *shares: Array) -> list[Misclassified]:
    """Every picture that any run gets wrong, worst first: by |p(label) - p(predicted)|, as the report ranks.

    The prediction is the most probable digit other than the label, by the mean over the runs; a picture
    that the mean of the runs gets right comes after all that it gets wrong. Several ``shares`` (of several
    experiments) count as the runs of one.
    """
    total = sum(len(share) for share in shares)
    mean_share = sum(share.sum(axis=0, dtype=np.float64) for share in shares) / total
    counts = sum((share.argmax(-1) != labels).sum(axis=0) for share in shares)
    found = []
    for index in np.flatnonzero(counts):
        label = int(labels[index])
        others = mean_share[index].copy()
        others[label] = -1
        predicted = int(others.argmax())
        p_label, p_predicted = float(mean_share[index, label]), float(mean_share[index, predicted])
        gap = abs(p_label - p_predicted)
        found.append(Misclassified(int(index), label, predicted, p_label, p_predicted, gap, int(counts[index])))
    return sorted(found, key=lambda one: (one.p_label - one.p_predicted, -one.runs_misclassified, one.index))


def in_common(tops: Mapping[str, Sequence[Misclassified]]) -> dict[int, list[str]]:
    """Each picture of any top list with the experiments that have it in theirs."""
    shared: dict[int, list[str]] = {}
    for name, top in tops.items():
        for one in top:
            shared.setdefault(one.index, []).append(name)
    return shared


def trusted(shares: Mapping[str, Array], labels: Array) -> bool:
    """Whether networks are many and good enough to accuse a label: three runs of each, 97% right."""
    return all(len(share) >= 3 and min(accuracies(share, labels)) >= 0.97 for share in shares.values())


def ledger(shares: Mapping[str, Array], labels: Array) -> list[dict[str, Any]]:
    """Every picture that any run of any experiment got wrong, the most suspicious label first.

    Ranked by the mean over all runs of all experiments of p(predicted) - p(label): how confidently
    the networks together contradict the label. ``suspect`` where in every experiment at least nine in
    ten runs are wrong and that mean is above one half, if the networks can be :func:`trusted`.
    """
    trust = trusted(shares, labels)
    wrong = {name: (share.argmax(-1) != labels).mean(axis=0) for name, share in shares.items()}
    rows = []
    for one in ranked(labels, *shares.values()):
        contradiction = one.p_predicted - one.p_label
        nearly_all = all(share[one.index] >= NEARLY_ALL for share in wrong.values())
        rows.append(
            {
                "index": one.index,
                "label": one.label,
                "predicted": one.predicted,
                "contradiction": round(contradiction, 6),
                **{f"wrong_{name}": round(share[one.index] * len(shares[name])) for name, share in wrong.items()},
                "runs": sum(len(share) for share in shares.values()),
                "suspect": int(trust and nearly_all and contradiction > CONFIDENT),
            }
        )
    return rows


def mean(result: Mapping[str, Any]) -> float:
    """The accuracy of a result, over one run or several."""
    figure = result["test_accuracy"]
    return float(figure["mean"] if isinstance(figure, Mapping) else figure)
