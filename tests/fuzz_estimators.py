"""Compares the estimators with scikit-learn's on configurations made at random.

``python tests/fuzz_estimators.py --cases 20000 --seed 1``

Each case follows from the seed and its number alone; ``--first N --cases 1 --verbose`` shows one again. A case is an
estimator's parameters, data, and a sequence of calls; what they raise, warn of, leave and predict must be the same, or
one of the differences that docs/sklearn.md lists (`KNOWN`).
"""

import argparse
import collections
import contextlib
import copy
import dataclasses
import io
import pickle
import random
import re
import warnings
from typing import Any

import numpy as np
import scipy.sparse
import sklearn.neural_network._base
from sklearn import neural_network as theirs

from shallownet_c import sklearn as ours
from shallownet_c.sklearn._network import ACTIVATIONS, LOSSES

#: Differences that stay, and the calls of the user's that they come of. Their reasons stand in docs/sklearn.md.
KNOWN = {
    "narrow": "scikit-learn's loss_ is a float32 for float32 data with newer NumPy and SciPy, and a float64 here",
    "weights": "negative weights are refused",
    "counts": "negative targets of poisson are refused",
    "weightless": "a batch without any weight is left out; in scikit-learn it ends the fit with ZeroDivisionError",
    "layers": "other hidden layers where a fit goes on from another are refused",
    "loss": "a loss with another output where a fit goes on from another is refused",
    "parameters": "parameters are checked in partial_fit of a fitted estimator, too",
    "switched": "what a warm start goes by may change; scikit-learn's lacks attributes then",
    "optimizer": "partial_fit refuses the optimizer of other layers or another kind that is of no use to it",
    "overflow": "numbers that are not finite end a fit at once, with scikit-learn's own message",
    "certain": "the loss of near-certain binary outputs is computed from z; scikit-learn's from 1 - a, which cancels",
    "rate": "the loss of a Poisson rate that rounds to 0 or overflows is computed from z; scikit-learn's is not finite",
    "chaos": "scikit-learn's own results differ as much when the last bits of X or of activations do",
}
NUMPY_WARNINGS = (RuntimeWarning,)  # of overflows in NumPy's operations, which the kernels do not have

LOSSES_OF_NUMBERS = [name for name, row in LOSSES.items() if row.in_sklearn and not row.classes]
PARAMETERS: dict[str, tuple[list[Any], list[Any]]] = {  # values that are accepted, and values that are not
    "hidden_layer_sizes": ([(5,), (), 3, (4, 3), [2], (1,), np.array([3, 2])], [(0,), -1, (3, 0), "x", None, 2.5]),
    "activation": ([*(name for name, row in ACTIVATIONS.items() if row.hidden and row.in_sklearn)], ["softsign", None]),
    "solver": (["lbfgs", "sgd", "adam", "sgd", "adam"], ["newton", None]),
    "alpha": ([0, 0.0, 1e-4, 0.1, 1, 10.0, np.float64(0.5)], [-1, "x", None]),
    "batch_size": (["auto", 1, 2, 7, np.int64(3), 10**6], [0, -1, 1.5, None]),
    "learning_rate": (["constant", "invscaling", "adaptive"], ["x"]),
    "learning_rate_init": ([1e-3, 0.01, 0.1, 1, 1e3], [0, -0.1, "x"]),
    "power_t": ([0, 0.5, 2.0], [-1]),
    "max_iter": ([1, 2, 3, 6, 12], [0, 1.5, None]),
    "shuffle": ([True, False], [None]),
    "random_state": ([0, 1, 42], ["x", -1]),
    "tol": ([0, 1e-4, 0.1, 10.0], [-1.0]),
    "verbose": ([False, True, 2], [None]),
    "warm_start": ([True, False], ["x"]),
    "momentum": ([0, 0.5, 0.9, 1], [-0.1, 1.1]),
    "nesterovs_momentum": ([True, False], ["x"]),
    "early_stopping": ([True, False, False], ["x"]),
    "validation_fraction": ([0.1, 0.3, 0.5, 0.9, 0.0], [1.0, -0.1]),
    "beta_1": ([0, 0.9, 0.999], [1, -0.1]),
    "beta_2": ([0, 0.9, 0.999], [1, -0.1]),
    "epsilon": ([1e-8, 1e-3, 1], [0]),
    "n_iter_no_change": ([1, 2, 10, np.inf], [0, 1.5]),
    "max_fun": ([1, 5, 15000], [0]),
}
SHAPES = [(m, n) for m in (1, 2, 3, 5, 10, 20, 20, 40, 40) for n in (1, 2, 4, 4)]
ATTRIBUTES = (
    "n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_", "classes_", "loss_", "best_loss_",
    "loss_curve_", "validation_scores_", "best_validation_score_", "coefs_", "intercepts_",
)  # fmt: skip


@dataclasses.dataclass
class Case:
    name: str
    parameters: dict[str, Any]
    steps: list[tuple[str, Any]]
    own_state: bool
    rng: np.random.Generator


@dataclasses.dataclass
class Difference:
    step: int
    what: str
    ours: Any
    theirs: Any


def some_parameters(chance, share):
    chosen = {}
    for name, (valid, invalid) in PARAMETERS.items():
        if chance.random() < share:
            chosen[name] = chance.choice(invalid if chance.random() < 0.015 else valid)
    return chosen


def some_rows(chance, rng, m, n):
    """X, and whether it is unlike what scikit-learn takes."""
    X = rng.standard_normal((m, n))
    if chance.random() < 0.1:
        X *= 10.0 ** chance.choice([-3, 2, 3])
    if chance.random() < 0.05:
        X[:, 0] = 0
    form = chance.choice(["plain"] * 6 + ["float32"] * 4 + ["F", "int", "list", "csr", "csc", "csr32", "odd"])
    if form == "float32":
        return X.astype(np.float32)
    if form in ("csr", "csc", "csr32"):
        X = np.where(np.abs(X) < 0.5, 0, X).astype(np.float32 if form == "csr32" else np.float64)
        return (scipy.sparse.csc_array if form == "csc" else scipy.sparse.csr_array)(X)
    if form == "odd":
        return chance.choice(
            [X[:0], X[:, 0], np.where(X > 1, np.nan, X), np.full((m, n), "x"), X[:, :, None], X[:, :0]]
        )
    return {"F": np.asfortranarray(X), "int": (3 * X).astype(int), "list": X.tolist()}.get(form, X)


def some_labels(chance, rng, m):
    kind = chance.choice(["binary"] * 4 + ["multi"] * 4 + ["one", "labels", "labels", "labels", "column", "odd"])
    numbers = rng.integers(0, {"binary": 2, "multi": 3, "one": 1}.get(kind, 3), m)
    if kind == "labels":
        columns = chance.choice([2, 3])
        low, high = chance.choice([(0, 1), (0, 1), (0, 2), (-1, 0), (0.0, 1.0)])
        return np.where(rng.random((m, columns)) < chance.choice([0.5, 0.5, 1.0]), high, low)
    if kind == "odd":
        return chance.choice([rng.random(m), np.column_stack([numbers, numbers]), None, numbers[1:]])
    y = np.array(chance.choice([[0, 1, 2], [-1, 1, 3], ["a", "b", "c"], [0.0, 1.0, 2.0], [7, 8, 9]]))[numbers]
    y = y.astype(bool) if kind == "binary" and chance.random() < 0.1 and y.dtype.kind in "if" else y
    return y[:, None] if kind == "column" else y.tolist() if chance.random() < 0.1 else y


def some_numbers(chance, rng, m, counts):
    columns = chance.choice([0, 0, 0, 1, 2, 3])
    y = rng.standard_normal((m, columns) if columns else m)
    if counts and chance.random() < 0.95:
        y = np.floor(np.exp(y))
    y = y * chance.choice([1, 1, 1, 1, 0, 100])
    kind = chance.choice(["float64"] * 4 + ["float32"] * 2 + ["int64", "int16", "list", "odd"])
    if kind == "odd":
        return chance.choice([np.full(m, "x"), None, y[1:], np.where(y > 0, np.nan, y)])
    return y.tolist() if kind == "list" else y.astype(kind)


def some_weights(chance, rng, m):
    kind = chance.choice(["none"] * 7 + ["floats", "float32", "ints", "number", "zeros", "odd"])
    weights = rng.uniform(0.2, 2, m)
    if kind == "odd":
        return chance.choice(
            [-weights, weights - 1, np.zeros(m), weights[1:], np.full(m, np.nan), np.full((m, 2), 1.0)]
        )
    return {
        "none": None,
        "floats": weights,
        "float32": weights.astype(np.float32),
        "ints": np.ceil(weights).astype(int),
        "number": 2.0,
        "zeros": np.where(weights < 0.8, 0, weights),
    }[kind]


def some_case(seed, number):
    chance, rng = random.Random(f"{seed} {number}"), np.random.default_rng([seed, number])
    name = chance.choice(["MLPClassifier", "MLPRegressor"])
    parameters = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0} | some_parameters(chance, 0.2)
    if name == "MLPRegressor":
        parameters["loss"] = chance.choice([*LOSSES_OF_NUMBERS, "squared_error", *LOSSES_OF_NUMBERS])
    m, n = chance.choice(SHAPES)
    counts = parameters.get("loss") == "poisson"

    def data():
        y = some_labels(chance, rng, m) if name == "MLPClassifier" else some_numbers(chance, rng, m, counts)
        return {"X": some_rows(chance, rng, m, n), "y": y, "sample_weight": some_weights(chance, rng, m)}

    given, steps = data(), []
    for i in range(chance.choice([1, 1, 2, 2, 3, 4, 5])):
        what = chance.choice(["fit"] * 4 + ["partial_fit"] * 4 + ["set", "pickle", "coefs", "predict"])
        if i and chance.random() < 0.15:
            given = data()
        if what in ("fit", "partial_fit"):
            call = dict(given)
            if what == "partial_fit" and name == "MLPClassifier" and chance.random() < 0.9:
                call["classes"] = (
                    np.unique(call["y"]) if np.ndim(call["y"]) == 1 and call["y"] is not None else [0, 1, 2]
                )
            steps.append((what, call))
        elif what == "set":
            changed = some_parameters(chance, 0.06)
            if name == "MLPRegressor" and chance.random() < 0.1:
                changed["loss"] = chance.choice(LOSSES_OF_NUMBERS)
            steps.append((what, changed))
        elif what == "coefs":
            steps.append(
                (what, (chance.choice(["coefs_", "intercepts_"]), chance.choice([0.5, 2.0]), chance.random() < 0.5))
            )
        else:
            steps.append((what, some_rows(chance, rng, 4, n) if what == "predict" else None))
    if all(what in ("set", "pickle", "coefs", "predict") for what, _ in steps):
        steps.insert(0, ("fit", given))
    return Case(name, parameters, steps, chance.random() < 0.2, rng)


def outputs(estimator, X):
    methods = ("predict_proba", "predict") if hasattr(estimator, "predict_proba") else ("predict",)
    return {method: getattr(estimator, method)(X) for method in methods}


def act(estimator, what, given):
    """Do one step; the estimator, and what it predicts afterwards."""
    if what == "set":
        return estimator.set_params(**given), {}
    if what == "pickle":
        return pickle.loads(pickle.dumps(estimator)), {}
    if what == "coefs":
        name, factor, replaced = given
        arrays = getattr(estimator, name)
        if replaced:
            arrays[0] = arrays[0] * factor
        else:
            arrays[0] *= factor
        return estimator, {}
    if what == "predict":
        return estimator, outputs(estimator, given)
    getattr(estimator, what)(**given)
    return estimator, outputs(estimator, given["X"]) | {"score": estimator.score(given["X"], given["y"])}


def run(module, case, nudge=None):
    """What comes of each step: what was raised and warned of, attributes, outputs; ends with the first error."""
    parameters = dict(case.parameters)
    if case.own_state and isinstance(parameters["random_state"], int) and parameters["random_state"] >= 0:
        parameters["random_state"] = np.random.RandomState(parameters["random_state"])
    estimator = getattr(module, case.name)(**parameters)
    records = []
    for what, given in pickle.loads(pickle.dumps(case.steps)):
        if nudge is not None and isinstance(given, dict) and "X" in given:
            given = given | {"X": nudge(given["X"]), "sample_weight": nudge(given["sample_weight"])}
        record: dict[str, Any] = {"raised": None}
        printed = io.StringIO()
        quiet = np.errstate(all="ignore")
        with warnings.catch_warnings(record=True) as caught, quiet, contextlib.redirect_stdout(printed):
            warnings.simplefilter("always")
            try:
                estimator, record["outputs"] = act(estimator, what, given)
            except Exception as error:
                record["raised"] = error
        kinds = {w.category.__name__ for w in caught if not issubclass(w.category, NUMPY_WARNINGS)}
        record["warned"] = sorted(kinds)
        record["printed"] = re.sub(r"[-\d.]+|nan|inf", "#", printed.getvalue())
        for name in ATTRIBUTES:
            value = getattr(estimator, name, "absent")
            # Later steps go on with these very lists and arrays.
            record[name] = copy.deepcopy(value) if isinstance(value, list) else value
        records.append(record)
        if record["raised"] is not None:
            break
    return records


def is_same(a, b, rtol):
    """Whether two results are the same to `rtol` of the greatest element."""
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(is_same(p, q, rtol) for p, q in zip(a, b, strict=True))
    if isinstance(b, (str, int, type(None))) and not isinstance(b, bool):
        return type(a) is type(b) and a == b
    if isinstance(b, np.ndarray) and b.dtype.kind not in "fc":
        return isinstance(a, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if type(a) is not type(b) or np.shape(a) != np.shape(b) or getattr(a, "dtype", None) != getattr(b, "dtype", None):
        return False
    p, q = np.asarray(a, float), np.asarray(b, float)
    if not np.isfinite(q).all():
        return bool(np.array_equal(np.isfinite(p), np.isfinite(q)))
    return bool(np.all(np.abs(p - q) <= rtol * max(np.abs(q).max(initial=0), 1e-3)))


def is_single(case):
    """Whether anything in the case is computed in float32."""
    data = [value for _, given in case.steps if isinstance(given, dict) for value in given.values()]
    return any(getattr(value, "dtype", None) == np.float32 for value in data)


def first_difference(mine, others, single):
    """Of two runs' records, or None."""
    for step, (a, b) in enumerate(zip(mine, others, strict=False)):
        if (a["raised"] is None) != (b["raised"] is None):
            return Difference(step, "raised", a["raised"], b["raised"])
        if b["raised"] is not None:
            # What is no number of a parameter is a TypeError or a ValueError by where it is found out.
            kinds = (
                (type(b["raised"]),)
                if not isinstance(b["raised"], (ValueError, TypeError))
                else (ValueError, TypeError)
            )
            return None if isinstance(a["raised"], kinds) else Difference(step, "kind", a["raised"], b["raised"])
        rtol = 2e-3 if single else 1e-6
        for name in ("warned", "printed"):
            if a[name] != b[name]:
                return Difference(step, name, a[name], b[name])
        for name in ATTRIBUTES:
            if not is_same(a[name], b[name], rtol):
                return Difference(step, name, a[name], b[name])
        probabilities = b["outputs"].get("predict_proba")
        close = probabilities is not None and is_close_call(probabilities, 10 * rtol)
        for name, value in b["outputs"].items():
            if not (close and name in ("predict", "score")) and not is_same(a["outputs"][name], value, rtol):
                return Difference(step, name, a["outputs"][name], value)
    return None


def is_close_call(probabilities, rtol):
    """Whether a row's class, or one of its labels, hangs on the last digits."""
    A = np.sort(np.asarray(probabilities, float), axis=1)
    return bool((np.abs(probabilities - 0.5) < rtol).any() or (A.shape[1] > 1 and (A[:, -1] - A[:, -2] < rtol).any()))


def nudged(rng):
    """A function that changes the last bits of floats, and leaves anything else alone."""

    def nudge(values):
        if isinstance(values, list):
            values = np.array(values)
        if values is None or isinstance(values, float) or values.dtype.kind not in "iuf":
            return values
        values = values.astype(np.float32 if values.dtype == np.float32 else np.float64)
        numbers = values.data if scipy.sparse.issparse(values) else values
        numbers *= 1 + (8 * np.finfo(values.dtype).eps * rng.standard_normal(numbers.shape)).astype(values.dtype)
        return values

    return nudge


@contextlib.contextmanager
def nudged_activations(nudge):
    """scikit-learn's activations with other last bits: those of saturated units hardly depend on X."""
    table = sklearn.neural_network._base.ACTIVATIONS
    plain = dict(table)

    def changed(activate):
        def wrapper(Z):
            activate(Z)
            Z[...] = nudge(Z)

        return wrapper

    table.update({name: changed(activate) for name, activate in plain.items()})
    try:
        yield
    finally:
        table.update(plain)


def explanation(case, difference, others):
    """The name in KNOWN of a difference, or None."""
    what, _ = case.steps[difference.step]
    mine, other = str(difference.ours), str(difference.theirs)
    if difference.what in ("raised", "kind"):
        if "sample_weight must" in mine:
            return "weights"
        if "negative for poisson" in mine:
            return "counts"
        if isinstance(difference.theirs, ZeroDivisionError):
            return "weightless"
        if "must go with the layers of the fit before" in mine:
            return "layers"
        if mine.startswith("loss must be one whose output"):
            return "loss"
        if type(difference.ours).__name__ == "InvalidParameterError" and what == "partial_fit":
            return "parameters"
        if mine.startswith("partial_fit goes on with the optimizer"):
            return "optimizer"
        if "non-finite parameter weights" in mine + other or "must be finite" in mine:
            return "overflow"
        if isinstance(difference.theirs, (AttributeError, TypeError)) and difference.step and difference.ours is None:
            return "switched"
    output, curve = (others[difference.step][name] for name in ("out_activation_", "loss_curve_"))
    told = [others[difference.step]["loss_"], *(curve if isinstance(curve, list) else [])]
    if output == "exp" and not all(np.isfinite(loss) for loss in told if not isinstance(loss, str)):
        return "rate"
    loss = difference.what in ("loss_", "loss_curve_", "best_loss_")
    if (
        loss
        and isinstance(difference.theirs, np.float32)
        and is_same(float(difference.ours), float(difference.theirs), 1e-6)
    ):
        return "narrow"
    if loss and output == "logistic" and is_same(difference.ours, difference.theirs, 0.05):
        return "certain"
    for _ in range(4):
        nudge = nudged(case.rng)
        with nudged_activations(nudge):
            again = first_difference(run(theirs, case, nudge), others, is_single(case))
        if again is not None and again.step <= difference.step:
            return "chaos"
    return None


def outcome(seed, number):
    """ "same", a name of KNOWN, or "unknown"; and the difference."""
    case = some_case(seed, number)
    others = run(theirs, case)
    difference = first_difference(run(ours, case), others, is_single(case))
    if difference is None:
        return "same", None
    return explanation(case, difference, others) or "unknown", difference


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args(argv)
    counts, unknown = collections.Counter(), []
    for number in range(arguments.first, arguments.first + arguments.cases):
        name, difference = outcome(arguments.seed, number)
        counts[name] += 1
        if name == "unknown":
            unknown.append(number)
        if arguments.verbose:
            case = some_case(arguments.seed, number)
            print(number, name, case.name, case.parameters, case.steps, difference, sep="\n  ")
        elif name == "unknown":
            print(
                f"{number}: {difference.what}: {difference.ours!r:.150} here, {difference.theirs!r:.150} there",
                flush=True,
            )
    for name, count in counts.most_common():
        print(f"{count:7} {name}: {KNOWN.get(name, '')}".rstrip(": "))
    return 1 if unknown else 0


if __name__ == "__main__":
    raise SystemExit(main())
