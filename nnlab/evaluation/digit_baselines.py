"""What a digit network has to beat: logistic regression, and k nearest neighbours.

Both are scikit-learn's and are fitted on the training digits alone. Neither sees that pixels have neighbours. On MNIST
they take 6 and 31 processor seconds; they depend on the data only, so what came out is kept in the cache.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from nnlab.data import decoded
from nnlab.data.digits.digits import Digits, validation_count
from nnlab.data.sources import datasets

Array: TypeAlias = np.ndarray[Any, Any]
NEIGHBOURS = (1, 3, 5, 7, 9)
STEPS = 100  # of L-BFGS
SET_ASIDE = 1 / 6  # of the training digits, the last: they choose k where there is no validation


def digit_baselines(digits: Digits, tell: Callable[[str], None] = lambda text: None) -> dict[str, dict[str, Any]]:
    """The test accuracy of each baseline on digits, ``{name: {"test_accuracy": …}}``; of neighbours also their ``k``.

    ``k`` is chosen on the validation digits; where there are none, on the last sixth of the training digits, and all of
    them are then the neighbours. ``tell`` is told of what takes its time, unless it is in the cache.
    """

    def fit() -> tuple[dict[str, Array], Any]:
        tell("fitting the baselines (logistic regression, k nearest neighbours), once per data set")
        return {}, {"logistic_regression": logistic_regression(digits), "k_nearest_neighbours": k_nearest(digits)}

    parts = [digits.x_train, digits.y_train, digits.x_test, digits.y_test]
    if digits.x_validation is not None and digits.y_validation is not None:
        parts += [digits.x_validation, digits.y_validation]
    versions = decoded.versions("numpy", "scipy", "scikit-learn")
    settings = ("digit baselines", 1, NEIGHBOURS, STEPS, SET_ASIDE, versions, decoded.digest(*parts))
    _, found = decoded.cached("baselines", datasets.content_key(settings, ()), fit)
    return dict(found)


def logistic_regression(digits: Digits) -> dict[str, Any]:
    """Multinomial logistic regression on pixels from 0 to 1 (scikit-learn's, L2 as it comes)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    classes = np.unique(digits.y_train)
    if len(classes) == 1:
        return {"test_accuracy": float((digits.y_test == classes[0]).mean())}
    # One thread: these matrices are so thin that two take ten times as long beside other work, and the bits then do
    # not depend on the number of cores.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped on purpose
        model = LogisticRegression(max_iter=STEPS).fit(_rows(digits.x_train) / np.float32(255), digits.y_train)
    given = model.predict(_rows(digits.x_test) / np.float32(255))
    return {"test_accuracy": float((given == digits.y_test).mean())}


def k_nearest(digits: Digits) -> dict[str, Any]:
    """K nearest neighbours by the distance of their pixels (Fix and Hodges 1951), ``k`` chosen among 1, 3, 5, 7, 9.

    A draw of votes goes to the nearest of those that are drawn.
    """
    x, y = digits.x_train, digits.y_train
    if digits.x_validation is not None and digits.y_validation is not None:
        x_chosen_on, y_chosen_on, cut = digits.x_validation, digits.y_validation, len(y)
    else:
        cut = len(y) - validation_count(len(y), SET_ASIDE)
        x_chosen_on, y_chosen_on = x[cut:], y[cut:]
    sizes = [k for k in NEIGHBOURS if k <= cut]
    ordered = y[:cut][neighbours(x[:cut], x_chosen_on, max(sizes))]
    right = {k: float((votes(ordered[:, :k]) == y_chosen_on).mean()) for k in sizes}
    best = max(sizes, key=lambda k: (right[k], -k))
    given = votes(y[neighbours(x, digits.x_test, best)])
    return {"test_accuracy": float((given == digits.y_test).mean()), "k": best}


def neighbours(among: Array, pictures: Array, count: int) -> Array:
    """The numbers of the nearest pictures ``(n, count)``, the nearest first.

    Pixels are whole numbers, whose products scikit-learn sums in double precision, so exactly: neither the order of the
    pixels nor the machine changes a distance.
    """
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(_rows(among))
    found: Array = search.kneighbors(_rows(pictures), return_distance=False)
    return found


def votes(labels: Array) -> Array:
    """The label that most of the neighbours have: ``(n, k)``, the nearest first, to ``(n,)``."""
    counts = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
    winners: Array = labels[np.arange(len(labels)), counts.argmax(axis=1)]  # the first of the most: the nearest
    return winners


def _rows(pictures: Array) -> Array:
    return pictures.reshape(len(pictures), -1).astype(np.float32)
