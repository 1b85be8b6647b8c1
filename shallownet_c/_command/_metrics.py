"""How good predictions are, beside those of the simplest that could be made."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from shallownet_c import _scores

Array = np.ndarray[Any, Any]

#: Probabilities that are kept in memory for the area under the curve, and classes of a confusion matrix.
MOST_PROBABILITIES, MOST_CONFUSED = 1 << 24, 100
#: The least probability that counts: a class that is impossible would cost infinitely much.
LEAST = np.finfo(np.float64).tiny


def of_classes(pieces: Iterable[tuple[int, Array]], y: Array, classes: list[Any], shares: Array) -> dict[str, Any]:
    """Accuracy, log loss and the area under the ROC curve of probabilities, which come in pieces (first row, P).

    y are the numbers of the true classes, and `shares` those of the classes in the training. With more than two classes
    the area is the mean over those that occur, each against all others.
    """
    m, n = len(y), len(classes)
    guesses, of_true = np.empty(m, np.int64), np.empty(m)
    kept = np.empty((m, n)) if m * n <= MOST_PROBABILITIES else None
    for start, P in pieces:
        rows = slice(start, start + len(P))
        guesses[rows] = P.argmax(axis=1)
        of_true[rows] = P[np.arange(len(P)), y[rows]]
        if kept is not None:
            kept[rows] = P
    true, found = np.bincount(y, minlength=n), np.bincount(guesses, minlength=n)
    hit = np.bincount(y[guesses == y], minlength=n)
    recall, precision = _ratio(hit, true), _ratio(hit, found)
    f1 = _ratio(2 * hit, true + found)
    likeliest = int(shares.argmax())
    scores: dict[str, Any] = {
        "rows": m,
        "accuracy": float((guesses == y).mean()),
        "log_loss": float(-np.log(np.maximum(of_true, LEAST)).mean()),
        "auc": None if kept is None else _mean_area(kept, y),
        "baseline": {
            "class": classes[likeliest],
            "accuracy": float((y == likeliest).mean()),
            "log_loss": float(-np.log(np.maximum(shares[y], LEAST)).mean()),
            "auc": 0.5,
        },
        "classes": [
            {"class": name, "rows": int(true[j]), "precision": precision[j], "recall": recall[j], "f1": f1[j]}
            for j, name in enumerate(classes)
        ],
        "confusion": None,
    }
    if n <= MOST_CONFUSED:
        scores["confusion"] = np.bincount(y.astype(np.int64) * n + guesses, minlength=n * n).reshape(n, n).tolist()
    return scores


def of_numbers(predicted: Array, y: Array, mean: float) -> dict[str, Any]:
    """R², mean absolute error and root of the mean squared error (m,), beside those of the training's mean."""

    def three(guesses: Array) -> dict[str, Any]:
        error = guesses - y
        # The mean square of huge numbers is beyond float64, unless their size is taken out before.
        size = float(np.abs(error).max()) or 1.0
        r2 = _scores.r_squared(guesses[:, np.newaxis], y[:, np.newaxis], None) if (y != y[0]).any() else None
        return {
            "r2": r2,
            "mae": float(np.abs(error).mean()),
            "rmse": size * float(np.sqrt(np.mean((error / size) ** 2))),
        }

    return {"rows": len(y)} | three(predicted) | {"baseline": {"mean": mean} | three(np.full(len(y), mean))}


def _ratio(a: Array, b: Array) -> list[float | None]:
    """a / b, None where b is 0."""
    return [x / y if y else None for x, y in zip(a.tolist(), b.tolist(), strict=True)]


def _mean_area(P: Array, y: Array) -> float | None:
    classes = [1] if P.shape[1] == 2 else range(P.shape[1])
    areas = [_area(P[:, j], y == j) for j in classes]
    defined = [area for area in areas if area is not None]
    return float(np.mean(defined)) if defined else None


def _area(score: Array, positive: Array) -> float | None:
    """The probability that a positive sample has the greater score, ties counting half; None without one of each."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return None
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
