"""`cross_validate` and `search` against fits one by one, and against what they promise of the rows."""

import inspect
import itertools

import numpy as np
import pytest
from test_hostile_values import VALUES, World, outcome

import shallownet_c as sn
from shallownet_c._selection import _candidates, _folds, _trials

stats = pytest.importorskip("scipy.stats")

RNG = np.random.default_rng(0)
M = 61
X = RNG.standard_normal((M, 3))
Y = np.sin(X @ np.ones((3, 2)) + [0, 1])
CLASSES = np.repeat([0, 1, 2], [40, 14, 7])[RNG.permutation(M)]
REGRESSION = sn.MLP([3, 4, 2]).model
SOFTMAX = sn.MLP([3, 4, 3], output="softmax").model
SIGMOID = sn.MLP([3, 4, 1], output="sigmoid").model
LABELS = sn.MLP([3, 4, 2], output="sigmoid").model
SHARED = sn.MLP([3, 4, 2])


def net():
    return sn.MLP([3, 5, 2], seed=0)


def classifier():
    return sn.MLP([3, 5, 3], output="softmax", seed=0)


def draw(model=REGRESSION, Y=Y, folds=5, repeats=1, stratify=None, groups=None, seed=0):
    return _folds.draw(model, Y, folds, repeats, stratify, groups, np.random.default_rng(seed))


# Folds


@pytest.mark.parametrize("options", [{}, {"stratify": CLASSES}, {"groups": np.arange(M) // 3}], ids=str)
@pytest.mark.parametrize("folds", [2, 3, 7])
def test_each_row_is_held_out_once_in_each_repeat(options, folds):
    drawn = draw(folds=folds, repeats=3, **options)
    assert len(drawn) == 3 * folds
    for first in range(0, len(drawn), folds):
        held_out = np.concatenate([fold.test for fold in drawn[first : first + folds]])
        assert sorted(held_out) == list(range(M))
    for fold in drawn:
        assert sorted([*fold.train, *fold.test]) == list(range(M))
        assert (np.diff(fold.train) > 0).all()
        assert (np.diff(fold.test) > 0).all()
    assert not np.array_equal(drawn[0].test, drawn[folds].test)  # drawn anew for each repeat


@pytest.mark.parametrize(
    ("model", "Y", "stratify", "strata"),
    [
        (SOFTMAX, CLASSES, None, CLASSES),
        (SOFTMAX, CLASSES, True, CLASSES),
        (SOFTMAX, np.eye(3)[CLASSES], None, CLASSES),
        (SIGMOID, CLASSES > 0, None, CLASSES > 0),
        (SIGMOID, (CLASSES > 0).astype(float)[:, np.newaxis], True, CLASSES > 0),
        (REGRESSION, Y, np.array(["a", "b", "c"])[CLASSES], CLASSES),
        (LABELS, np.eye(2)[CLASSES % 2], CLASSES, CLASSES),
        (SOFTMAX, CLASSES, np.arange(M) % 4, np.arange(M) % 4),
    ],
)
def test_strata_are_as_frequent_in_each_fold(model, Y, stratify, strata):
    for seed in range(5):
        drawn = draw(model, Y, stratify=stratify, seed=seed)
        counts = np.array([np.bincount(strata[fold.test], minlength=strata.max() + 1) for fold in drawn])
        assert (np.ptp(counts, axis=0) <= 1).all()
        assert np.ptp(counts.sum(axis=1)) <= 1


@pytest.mark.parametrize(
    ("model", "Y", "stratify"),
    [(SOFTMAX, CLASSES, False), (REGRESSION, Y, None), (LABELS, np.eye(2)[CLASSES % 2], None)],
)
def test_without_strata_rows_are_at_random(model, Y, stratify):
    """Over many seeds the counts of a class vary as they do among random rows, not by one."""
    ranges = [
        np.ptp([np.count_nonzero(CLASSES[fold.test] == 1) for fold in draw(model, Y, stratify=stratify, seed=seed)])
        for seed in range(20)
    ]
    assert max(ranges) > 1


def test_groups_are_never_on_both_sides_and_as_even_as_they_can_be():
    sizes = [20, 9, 8, 8, 5, 5, 3, 2, 1]
    groups = np.repeat(list("abcdefghi"), sizes)[RNG.permutation(M)]
    for seed in range(5):
        drawn = draw(SOFTMAX, CLASSES, folds=3, groups=groups, seed=seed)
        for fold in drawn:
            assert not set(groups[fold.train]) & set(groups[fold.test])
        # The largest group that is left goes to the smallest fold: 20, 9 + 8 + …, 8 + …
        assert sorted(len(fold.test) for fold in drawn) == [20, 20, 21]
    first, second = (draw(folds=3, groups=np.arange(M), seed=seed) for seed in (0, 1))
    assert not np.array_equal(first[0].test, second[0].test)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 62}, "folds must be at most the number of rows, 61, got 62"),
        ({"groups": np.arange(M) % 3}, "groups must hold at least 5 groups for 5 folds, got 3"),
        ({"groups": np.arange(M), "stratify": True}, "stratify must be None or False where groups are given"),
        ({"groups": np.arange(M), "stratify": CLASSES}, "stratify must be None or False where groups are given"),
        ({"groups": np.arange(4)}, r"groups must have shape \(61,\) to go with X, got \(4,\)"),
        ({"stratify": CLASSES[:, np.newaxis]}, r"stratify must have shape \(61,\) to go with X, got \(61, 1\)"),
        ({"stratify": True}, "rows of Y have no class, got True"),
        ({"stratify": np.array([None, 1.0] * 30 + ["a"], object)}, "stratify must hold labels that can be sorted"),
    ],
)
def test_refused_folds(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        draw(**options)


# Cross-validation


def test_networks_are_those_that_fits_on_the_rows_give():
    calls = itertools.count()
    found = sn.cross_validate(
        lambda: sn.MLP([3, 5, 2], seed=next(calls)), X, Y, folds=4, repeats=2, epochs=7, batch_size=10, shuffle=False,
        seed=3,
    )  # fmt: skip
    assert (found.scores.shape, len(found.nets), found.folds, found.repeats) == ((8,), 8, 4, 2)
    assert next(calls) == 8
    for i, (trained, test) in enumerate(zip(found.nets, found.test_rows, strict=True)):
        train = np.setdiff1d(np.arange(M), test)
        alone = sn.MLP([3, 5, 2], seed=i)
        history = alone.fit(X[train], Y[train], epochs=7, batch_size=10, shuffle=False)
        assert trained.params.tobytes() == alone.params.tobytes()
        assert found.histories[i].cost == history.cost
        assert found.scores[i] == alone.score(X[test], Y[test])
    assert found.mean == found.scores.mean()
    assert found.std == found.scores.std()


def test_the_seed_says_everything_whatever_the_threads():
    def run(**options):
        found = sn.cross_validate(net, X, Y, epochs=5, batch_size=9, dropout=0.2, **options)
        return [*found.scores, *(trained.params.tobytes() for trained in found.nets)]

    first = run(seed=3)
    assert run(seed=3, n_threads=1) == first
    assert run(seed=3, n_threads=3) == first
    assert run(seed=np.random.default_rng(3)) == first
    assert run(seed=4)[:5] != first[:5]
    assert run(seed=np.random.RandomState(3)) == run(seed=np.random.RandomState(3)) != first


def test_each_network_is_shuffled_by_a_seed_of_its_own(monkeypatch):
    seeds = []

    def noted(*arguments, seed, **others):
        seeds.extend(seed)
        return sn.fit_many(*arguments, seed=seed, **others)

    monkeypatch.setattr(_trials, "fit_many", noted)
    sn.cross_validate(net, X, Y, folds=4, repeats=3, epochs=1, seed=0)
    assert len(set(seeds)) == 12


WEIGHTS = RNG.random(M)


@pytest.mark.parametrize(
    ("make", "Y", "scoring", "weights", "want"),
    [
        (net, Y, None, None, lambda n, X, Y, w: n.score(X, Y)),
        (net, Y, "r2", WEIGHTS, lambda n, X, Y, w: n.score(X, Y, w)),
        (net, Y, "cost", WEIGHTS, lambda n, X, Y, w: n.cost(X, Y, w)),
        (classifier, CLASSES, None, WEIGHTS, lambda n, X, y, w: n.score(X, y, w)),
        (classifier, CLASSES, "accuracy", None, lambda n, X, y, w: np.mean(n.classify(X) == y)),
        (classifier, CLASSES, "cost", None, lambda n, X, y, w: n.cost(X, y)),
        (classifier, np.eye(3)[CLASSES], "accuracy", None, lambda n, X, Y, w: np.mean(n.classify(X) == Y.argmax(1))),
        (
            lambda: sn.MLP([3, 4, 1], output="sigmoid", loss="squared_error", seed=0),
            CLASSES > 0,
            "accuracy",
            None,
            lambda n, X, y, w: np.mean(n.classify(X) == y),
        ),
        (
            lambda: sn.MLP([3, 4, 1], output="sigmoid", seed=0),
            CLASSES > 0,
            "r2",
            None,
            lambda n, X, y, w: 1 - np.sum((y - n(X)[:, 0]) ** 2) / np.sum((y - np.mean(y)) ** 2),
        ),
        (net, Y, lambda n, X, Y: -np.abs(n(X) - Y).max(), WEIGHTS, lambda n, X, Y, w: -np.abs(n(X) - Y).max()),
    ],
)
def test_scores_are_those_of_the_rows_that_were_held_out(make, Y, scoring, weights, want):
    found = sn.cross_validate(make, X, Y, folds=3, scoring=scoring, sample_weight=weights, epochs=30, seed=0)
    for trained, rows, score in zip(found.nets, found.test_rows, found.scores, strict=True):
        w = None if weights is None else weights[rows]
        assert score == pytest.approx(want(trained, X[rows], Y[rows], w), rel=1e-12)
    assert found.scoring == (scoring if isinstance(scoring, str) else "score")


def test_the_weights_of_rows_count_in_the_training():
    weights = np.where(np.arange(M) % 2, 1.0, 0.0)
    found = sn.cross_validate(net, X, Y, folds=3, sample_weight=weights.tolist(), epochs=5, seed=0)
    for trained, rows in zip(found.nets, found.test_rows, strict=True):
        train = np.setdiff1d(np.arange(M), rows)
        alone = net()
        alone.fit(X[train], Y[train], sample_weight=weights[train], epochs=5)
        assert trained.params.tobytes() == alone.params.tobytes()


def test_arguments_of_the_fits_reach_each_network():
    found = sn.cross_validate(net, X.tolist(), Y.tolist(), folds=3, epochs=[2, 3, 4], optimizer=sn.SGD(0.1), seed=0)
    assert [history.n_epochs for history in found.histories] == [2, 3, 4]


def test_columns_of_a_table_keep_their_names():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=["a", "b", "c"], index=np.arange(M)[::-1])
    found = sn.cross_validate(net, table, pd.DataFrame(Y), folds=3, epochs=3, groups=pd.Series(CLASSES), seed=0)
    plain = sn.cross_validate(net, X, Y, folds=3, epochs=3, groups=CLASSES, seed=0)
    assert found.nets[0].feature_names == ("a", "b", "c")
    np.testing.assert_array_equal(found.scores, plain.scores)
    assert sn.Ensemble(found.nets).feature_names == ("a", "b", "c")


def diverging(scale):
    """A network that one fold's rows blow up, and the arguments of the fit."""
    rows = X.copy()
    rows[0] = scale
    return rows


def test_a_fold_that_diverges_has_no_score():
    rows = diverging(1e150)
    with np.errstate(all="ignore"), pytest.warns(sn.FitWarning, match="diverged for fold") as warned:
        found = sn.cross_validate(
            lambda: sn.MLP([3, 2], seed=0), rows, Y, folds=3, optimizer="sgd", epochs=20, scoring="cost", seed=0
        )
    held_out = [0 in rows for rows in found.test_rows]
    names = [f"fold {i}" for i, held in enumerate(held_out) if not held]
    assert len(names) == 2
    (warning,) = (one for one in warned if "diverged" in str(one.message))
    assert f"diverged for {', '.join(names)}, for which" in str(warning.message)
    assert warning.filename == __file__
    assert [history.stopped == "diverged" for history in found.histories] == [not held for held in held_out]
    np.testing.assert_array_equal(np.isnan(found.scores), [not held for held in held_out])
    assert np.isnan(found.mean)
    assert "diverged" in repr(found)


def test_the_table_of_a_cross_validation():
    found = sn.cross_validate(classifier, X, CLASSES, folds=2, repeats=2, scoring="accuracy", epochs=3, seed=0)
    title, header, *lines = repr(found).splitlines()
    assert title == f"accuracy {found.mean:.5g} ± {found.std:.2g} on the held-out rows of 2 folds, 2 times"
    assert header.split() == ["repeat", "fold", "rows", "epochs", "stopped", "cost", "accuracy"]
    assert [line.split()[:5] for line in lines] == [
        [repeat, fold, str(len(rows)), "3", "epochs"]
        for (repeat, fold), rows in zip(itertools.product("01", "01"), found.test_rows, strict=True)
    ]
    assert lines[0].split()[-1] == f"{found.scores[0]:.5g}"
    assert len({len(line) for line in (header, *lines)}) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"make_net": net()}, "make_net must be a function that returns a new MLP"),
        ({"make_net": lambda: None}, "make_net must return an MLP, got None"),
        ({"make_net": lambda: SHARED}, "make_net must return a new network each time"),
        ({"folds": 1}, "folds must be at least 2, got 1"),
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"X": X[0]}, r"X must have shape \(m, n_0\), got \(3,\)"),
        ({"X": lambda: [(X, Y)]}, "X must be an array in memory"),
        ({"X": X[:, :2]}, "X must have shape"),
        ({"Y": Y[:9]}, r"Y must have 61 rows to go with X, got the shape \(9, 2\)"),
        ({"Y": CLASSES}, "Y must have shape"),
        ({"scoring": "accuracy"}, "scoring must be 'r2' or 'cost' for output 'identity'"),
        ({"scoring": "r2", "make_net": classifier, "Y": CLASSES}, "scoring must be 'accuracy' or 'cost' where Y holds"),
        ({"scoring": "R2"}, "scoring must be one of 'accuracy', 'r2', 'cost', got 'R2'"),
        ({"scoring": lambda *_: "good"}, "scoring must return a number, got 'good'"),
        ({"sample_weight": np.arange(M) == 0}, "sample_weight must not be zero in all rows of a fold"),
        ({"sample_weight": [1.0]}, r"sample_weight must have shape \(61,\)"),
        ({"validation_data": (X, Y)}, "validation_data does not go with cross_validate"),
        ({"validation_rows": [0]}, "validation_rows does not go with cross_validate"),
        ({"rows": [0]}, "rows does not go with cross_validate"),
        ({"order": np.zeros((3, M), int)}, "order does not go with cross_validate"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"epoch": 3}, r"cross_validate\(\) has no argument 'epoch': did you mean 'epochs'"),
        ({"cv": 3}, r"cross_validate\(\) has no argument 'cv': did you mean 'folds'"),
        ({"learning_rate": 3}, r"cross_validate\(\) has no argument .* optimizer=sn\.Adam\(learning_rate=…\)"),
        ({"nets": [net()]}, "nets does not go with cross_validate"),
    ],
)
def test_refused_cross_validations(changes, message):
    arguments = {"make_net": net, "X": X, "Y": Y, "epochs": 2} | changes
    if "epoch" in changes:
        del arguments["epochs"]
    with pytest.raises((ValueError, TypeError), match=message):
        sn.cross_validate(**arguments)


# Search


def make(width=4, activation="tanh"):
    return sn.MLP([3, width, 2], activation, seed=0)


SPACE = {
    "width": [2, 5, 9],
    "activation": ("tanh", "relu"),
    "learning_rate": stats.loguniform(1e-3, 1e-1),
    "batch_size": stats.randint(5, 20),
    "l2": lambda rng: 10 ** rng.uniform(-5, -1),
}


def bits(found):
    return repr(found.results), found.best_net.params.tobytes()


def test_the_winner_of_halving_goes_on_where_it_stood():
    """Each candidate's scores are those of an uninterrupted training, its optimizer's state included."""
    arguments = {"n": 9, "folds": 2, "scoring": "cost", "seed": 5}
    found = sn.search(make, SPACE, X, Y, epochs=9, **arguments)
    assert found.rungs == ((9, 1), (3, 3), (1, 9))
    assert [(one["rank"], one["rung"], one["epochs"]) for one in found.results] == [
        (1, 2, 9), (2, 1, 3), (3, 1, 3), *((rank, 0, 1) for rank in range(4, 10)),
    ]  # fmt: skip
    for epochs in (1, 3, 9):
        plain = sn.search(make, SPACE, X, Y, epochs=epochs, halving=None, refit=False, **arguments)
        assert plain.rungs == ((9, epochs),)
        assert plain.best_net is None
        by_params = {repr(one["params"]): one for one in plain.results}
        assert len(by_params) == 9
        for one in found.results:
            if one["epochs"] == epochs:
                assert one["scores"] == by_params[repr(one["params"])]["scores"]
        # The best of a rung are those that go on.
        reached = {repr(one["params"]) for one in found.results if one["epochs"] >= epochs}
        beyond = {repr(one["params"]) for one in found.results if one["epochs"] > epochs}
        in_order = [params for params in by_params if params in reached]
        assert set(in_order[: len(beyond)]) == beyond


@pytest.mark.parametrize(
    ("n", "factor", "epochs", "want"),
    [
        (50, 3, 200, [(50, 7), (16, 22), (5, 66), (1, 200)]),
        (8, 2, 100, [(8, 12), (4, 25), (2, 50), (1, 100)]),
        (50, 3, 5, [(50, 1), (16, 5)]),
        (50, 3, 1, [(50, 1)]),
        (1, 3, 100, [(1, 100)]),
        (2, 3, 100, [(2, 33), (1, 100)]),
        (50, 1, 100, [(50, 100)]),
        (5, 100, 10**6, [(5, 10**4), (1, 10**6)]),
    ],
)
def test_rungs(n, factor, epochs, want):
    assert _candidates.rungs(n, factor, epochs) == want


@pytest.mark.parametrize("scoring", [None, "r2", "cost", lambda n, X, Y: -n.cost(X, Y)])
def test_the_best_first(scoring):
    found = sn.search(make, SPACE, X, Y, n=7, folds=2, halving=None, epochs=20, scoring=scoring, seed=1)
    scores = [one["score"] for one in found.results]
    assert scores == sorted(scores, reverse=scoring != "cost")
    assert len(set(scores)) == 7
    assert [one["rank"] for one in found.results] == list(range(1, 8))
    for one in found.results:
        assert one["score"] == np.mean(one["scores"])
        assert one["std"] == np.std(one["scores"])
        assert len(one["scores"]) == 2
    assert (found.best_params, found.best_score) == (found.results[0]["params"], scores[0])


def test_the_best_network_has_learnt_from_all_rows():
    found = sn.search(make, {"width": [4, 6], "l2": [1e-3]}, X, Y, n=2, epochs=6, shuffle=False, batch_size=9, seed=0)
    alone = make(found.best_params["width"])
    alone.fit(X, Y, epochs=6, shuffle=False, batch_size=9, l2=1e-3)
    assert found.best_net.params.tobytes() == alone.params.tobytes()


def test_the_same_search_for_any_number_of_threads():
    arguments = {"n": 6, "folds": 2, "epochs": 6, "dropout": 0.1, "seed": 2}
    first = bits(sn.search(make, SPACE, X, Y, **arguments))
    assert bits(sn.search(make, SPACE, X, Y, n_threads=1, **arguments)) == first
    assert bits(sn.search(make, SPACE, X, Y, n_threads=3, **arguments)) == first
    assert bits(sn.search(make, SPACE, X, Y, **arguments | {"seed": 3})) != first


def test_lists_alone_are_searched_without_repetition():
    space = {"width": [1, 2, 3], "activation": ["tanh", "relu"], "shuffle": [True, False]}
    whole = sn.search(make, space, X, Y, n=100, epochs=1, folds=2, seed=0)
    assert len(whole.results) == len({repr(one["params"]) for one in whole.results}) == 12
    assert whole.best_params.keys() == space.keys()
    part = sn.search(make, space, X, Y, n=7, epochs=1, folds=2, seed=0)
    assert len(part.results) == len({repr(one["params"]) for one in part.results}) == 7
    others = sn.search(make, space, X, Y, n=7, epochs=1, folds=2, seed=1)
    assert {repr(one["params"]) for one in part.results} != {repr(one["params"]) for one in others.results}
    # More combinations than an integer of NumPy's can number.
    wide = {name: list(range(1, 10**4)) for name in ("width", *"abcdefgh")}
    huge = sn.search(lambda width, **others: make(1 + width % 9), wide, X, Y, n=4, epochs=1, folds=2, seed=0)
    assert len(huge.results) == 4


def test_whose_argument_a_name_is():
    got = []

    def taking(width, learning_rate, **others):
        got.append((width, learning_rate, others))
        return make(width)

    space = {"width": np.array([3]), "learning_rate": [0.5], "momentum": [0.9], "l2": [0.1], "shade": ["dark"]}
    found = sn.search(taking, space, X, Y, n=1, epochs=2, folds=2, optimizer="sgd", seed=0)
    assert got == [(3, 0.5, {"shade": "dark"})] * 3
    assert type(found.best_params["width"]) is int
    by_hand = make(3)
    by_hand.fit(X, Y, optimizer=sn.SGD(momentum=0.9), l2=0.1, epochs=2)
    assert found.best_net.params.tobytes() == by_hand.params.tobytes()


def test_optimizers_of_the_space_and_of_the_caller_stay_as_they_are():
    first, second = sn.Adam(0.01), sn.SGD(0.1, momentum=0.5)
    found = sn.search(make, {"optimizer": [first, second, "rprop"]}, X, Y, n=3, epochs=9, folds=2, seed=0)
    assert {str(one["params"]["optimizer"]) for one in found.results} == {str(first), str(second), "rprop"}
    third = sn.Adam(0.02)
    sn.search(make, {"width": [2, 3]}, X, Y, n=2, epochs=3, folds=2, optimizer=third, seed=0)
    assert (first.n_steps, second.n_steps, third.n_steps) == (0, 0, 0)


def test_candidates_that_diverge_are_the_last():
    space = {"learning_rate": [1e-3, 1e300, 1e-2]}
    with np.errstate(all="ignore"):
        found = sn.search(make, space, X, Y, n=3, epochs=6, folds=2, halving=2, optimizer="sgd", seed=0)
    assert found.results[-1]["params"] == {"learning_rate": 1e300}
    assert np.isnan(found.results[-1]["score"])
    assert found.results[-1]["rung"] == 0
    assert np.isfinite(found.best_net.params).all()


def test_folds_of_repeats_that_diverge_are_named():
    with np.errstate(all="ignore"), pytest.warns(sn.FitWarning, match="for fold 0 of repeat 0, fold 1 of repeat 0"):
        sn.cross_validate(net, X, Y, folds=2, repeats=2, optimizer=sn.SGD(1e300), epochs=3, seed=0)


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("scoring", [None, lambda *_: np.nan])
def test_no_candidate_with_a_finite_score(refit, scoring):
    rates = [1e299, 1e300] if scoring is None else [1e-3, 1e-2]
    message = "no candidate with a finite score: in each of the 2 .* Smaller learning rates"
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        sn.search(
            make, {"learning_rate": rates}, X, Y, n=2, epochs=6, folds=2, optimizer="sgd", scoring=scoring,
            refit=refit, seed=0,
        )  # fmt: skip


def test_the_best_has_a_finite_score_although_the_last_rung_has_none():
    """A score that only networks of the first rung have."""
    calls = itertools.count()

    def scoring(net, X, Y):
        return -net.cost(X, Y) if next(calls) < 6 else np.nan

    found = sn.search(make, {"width": [2, 5, 9]}, X, Y, n=3, epochs=9, folds=2, scoring=scoring, refit=False, seed=0)
    assert found.rungs == ((3, 3), (1, 9))
    assert [one["rung"] for one in found.results] == [0, 0, 1]
    assert np.isnan(found.results[-1]["score"])
    assert found.results[0]["score"] >= found.results[1]["score"]


def test_a_winner_that_diverges_on_all_rows():
    calls = itertools.count()

    def third_too_large(width):
        made = make(width)
        made.params[:] *= 1e200 if next(calls) == 2 else 1
        return made

    with np.errstate(all="ignore"), pytest.warns(sn.FitWarning, match="on all rows diverged, although .*'width': 4"):
        found = sn.search(third_too_large, {"width": [4]}, X, Y, n=1, epochs=3, folds=2, optimizer="sgd", seed=0)
    assert np.isfinite(found.best_score)
    assert np.isfinite(found.best_net.params).all()
    assert found.best_net.history.stopped == "diverged"


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"batch_size": [5, 0]}, r"candidate \{'batch_size': 0\}: batch_size must be at least 1, got 0"),
        ({"width": [2, 0]}, r"candidate \{'width': 0\}: layer_sizes\[1\] must be at least 1"),
        ({"learning_rate": [0.1, -1.0]}, r"candidate \{'learning_rate': -1\.0\}: learning_rate must be > 0"),
        ({"momentum": [0.1]}, r"candidate \{'momentum': 0\.1\}: space must not have 'momentum' for Adam"),
    ],
)
def test_an_error_names_the_candidate(space, message):
    with pytest.raises(ValueError, match="^" + message) as caught:
        sn.search(make, space, X, Y, n=2, epochs=2, folds=3, seed=0)
    assert "nets[" not in str(caught.value)


def test_notes_name_the_candidate():
    def failing(epoch):
        if epoch > 0:
            raise RuntimeError("no rate")
        return 1.0

    with pytest.raises(RuntimeError, match="no rate") as caught:
        sn.search(make, {"width": [3]}, X, Y, n=1, epochs=2, folds=2, optimizer=sn.SGD(schedule=failing), seed=0)
    assert caught.value.__notes__ == ["in the fit of candidate {'width': 3}"]

    def broken(width):
        raise KeyError(width)

    with pytest.raises(KeyError) as caught:
        sn.search(broken, {"width": [3]}, X, Y, n=1, epochs=2, folds=2, seed=0)
    assert caught.value.__notes__ == ["for the candidate {'width': 3}"]


def test_epochs_are_those_that_were_trained(monkeypatch):
    trained = []

    def noted(*arguments, **others):
        histories = sn.fit_many(*arguments, **others)
        trained.append([history.n_epochs for history in histories])
        return histories

    monkeypatch.setattr(_trials, "fit_many", noted)
    found = sn.search(
        make, {"width": [2, 5, 9]}, X, Y, n=3, epochs=90, folds=2, optimizer=sn.SGD(0.5), batch_size=9, patience=2,
        refit=False, seed=0,
    )  # fmt: skip
    assert found.rungs == ((3, 30), (1, 90))
    first, second = np.array(trained[0]).reshape(3, 2), np.array(trained[1])
    # Patience has ended fits of both rungs, and not after the same number of epochs in all folds.
    assert (first < 30).any()
    assert (second < 60).any()
    assert (first[:, 0] != first[:, 1]).any()
    best, *others = found.results
    assert best["epochs"] in (first + second).max(axis=1)
    assert best["epochs"] < 90
    assert {one["epochs"] for one in others} <= set(first.max(axis=1).tolist())
    assert type(best["epochs"]) is int


def test_the_table_of_a_search():
    found = sn.search(make, SPACE, X, Y, n=14, epochs=9, folds=2, scoring="cost", seed=5)
    title, header, *lines = repr(found).splitlines()
    assert title == "14 candidates: 14 for 1 epoch, 4 for 3 epochs, 1 for 9 epochs"
    assert header.split() == ["rank", "rung", "epochs", "cost", "std", *SPACE]
    assert len(lines) == 10
    best = found.results[0]
    assert lines[0].split()[:4] == ["1", "2", "9", f"{best['score']:.5g}"]
    assert lines[0].split()[6] == best["params"]["activation"]


def test_a_search_gives_no_warning_of_its_short_fits(recwarn):
    with pytest.warns(sn.FitWarning, match="no better than the mean"):
        make().fit(X, Y, epochs=2, optimizer=sn.SGD(1e-9))
    recwarn.clear()
    sn.search(make, {"width": [2, 3]}, X, Y, n=2, epochs=4, folds=2, optimizer=sn.SGD(1e-9), refit=False, seed=0)
    assert [warning for warning in recwarn if warning.category is sn.FitWarning] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {}}, "space must be a dict of what to draw each parameter from"),
        ({"space": [("width", [1])]}, "space must be a dict of what to draw each parameter from"),
        ({"space": {"width": []}}, r"space\['width'\] must hold at least one value, got none"),
        (
            {"space": {"width": 3}},
            r"space\['width'\] must be a sequence of values, a distribution or a function, got 3",
        ),
        ({"space": {"activation": "tanh"}}, r"space\['activation'\] must be a sequence of values"),
        (
            {"space": {"depth": [3]}},
            r"space must have arguments of make_net \(activation, width\), of fit_many .*'depth'",
        ),
        ({"space": {"epochs": [3]}}, "space must have arguments of make_net .* got 'epochs'"),
        ({"space": {"seed": [3]}}, "space must have arguments of make_net .* got 'seed'"),
        ({"space": {"l2": [0.1]}, "l2": 0.2}, "space must not have 'l2', which is also given as an argument"),
        ({"space": {"momentum": [0.1]}}, "space must not have 'momentum' for Adam, which takes learning_rate"),
        ({"space": {"learning_rate": [0.1, -1.0]}}, "learning_rate must be > 0, got -1.0"),
        ({"space": {"width": [3, 0]}}, r"layer_sizes\[1\] must be at least 1, got 0"),
        ({"space": {"l2": [-1.0]}}, "l2 must be >= 0, got -1.0"),
        ({"make_net": None}, "make_net must be a function"),
        ({"make_net": lambda width: None}, "make_net must return an MLP"),
        ({"n": 0}, "n must be at least 1"),
        ({"halving": 0}, "halving must be at least 1"),
        ({"halving": 1.5}, "halving must be an integer"),
        ({"folds": 1}, "folds must be at least 2"),
        ({"epochs": [3]}, "epochs must be an integer"),
        ({"refit": 1}, "refit must be True or False"),
        ({"dropout": [0.1]}, "dropout must be one value for all candidates in search"),
        ({"callback": print}, "callback must be left out in search"),
        ({"validation_data": (X, Y)}, "validation_data does not go with search"),
        ({"optimizer": "best"}, "optimizer must be one of"),
        ({"halvings": 3}, r"search\(\) has no argument 'halvings': did you mean 'halving'"),
    ],
)
def test_refused_searches(changes, message):
    arguments = {"make_net": make, "space": {"width": [2, 3]}, "X": X, "Y": Y, "n": 2, "epochs": 2} | changes
    with pytest.raises((ValueError, TypeError), match=message):
        sn.search(**arguments)


REFUSED = {"nets", "rows", "validation_rows", "validation_data", "order"}


@pytest.mark.parametrize(
    ("function", "unknown", "refused"),
    [(sn.search, "repeats", REFUSED | {"callback"}), (sn.cross_validate, "space", REFUSED)],
)
def test_the_arguments_that_a_message_lists_are_those_that_are_taken(function, unknown, refused):
    with pytest.raises(TypeError, match=rf"has no argument '{unknown}'; it takes ") as caught:
        function(**{unknown: 2})
    listed = str(caught.value).partition("; it takes ")[2].split(", ")
    own = [name for name in inspect.signature(function).parameters if name != "fit"]
    of_fits = [name for name in inspect.signature(sn.fit_many).parameters if name not in {*own, *refused}]
    assert listed == own + of_fits


# Odd values

CROSS = {"X": X[:6], "Y": Y[:6], "folds": 2, "repeats": 1, "stratify": None, "groups": None, "scoring": None,
         "sample_weight": np.ones(6), "seed": 0, "epochs": 1}  # fmt: skip
SEARCHED = {"X": X[:6], "Y": Y[:6], "space": {"width": [2]}, "n": 1, "halving": 2, "epochs": 2, "refit": True}


def is_large(value):
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, np.timedelta64)
    return is_integer and value > 100


@pytest.mark.parametrize("name", [*CROSS, "make_net"])
def test_a_value_is_taken_by_cross_validate_or_refused(name):
    arguments = {"make_net": net} | CROSS
    for value in VALUES:
        if name == "repeats" and is_large(value):
            continue  # so many networks take for ever, as asked for
        error = outcome(lambda world, v: sn.cross_validate(**arguments | {name: v}), World(), value)
        assert error is None or name in str(error) or value is object, (value, error)


@pytest.mark.parametrize("name", [*SEARCHED, "space of"])
def test_a_value_is_taken_by_search_or_refused(name):
    for value in VALUES:
        if name == "epochs" and is_large(value):
            continue
        changes = {"space": {"width": value}} if name == "space of" else {name: value}
        error = outcome(
            lambda world, v, c=changes: sn.search(make, folds=2, **SEARCHED | {"seed": 0} | c), World(), value
        )
        names = (name.split()[0], "layer_sizes", "width")
        assert error is None or any(one in str(error) for one in names) or value is object, (value, error)
