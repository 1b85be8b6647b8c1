"""A table with numbers, text and gaps: a scikit-learn pipeline, and a grid search over it.

python examples/tabular_pipeline.py [--quick]

Needs scikit-learn and pandas. With --quick the grid is small, and it takes a few seconds.
"""

import argparse
import time

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from shallownet_c.sklearn import MLPClassifier

TEXT = ["colour"]


def table() -> tuple[pd.DataFrame, np.ndarray]:
    """178 wines of three growers; the colour's intensity is given in words, and 5 % of the numbers are missing."""
    wines = load_wine(as_frame=True)
    X = wines.data.copy()
    X["colour"] = pd.cut(X.pop("color_intensity"), [0, 3, 5, 6.5, 20], labels=["pale", "medium", "deep", "dark"])
    X["colour"] = X["colour"].astype(str)
    numbers = [name for name in X if name not in TEXT]
    X[numbers] = X[numbers].mask(np.random.default_rng(0).random((len(X), len(numbers))) < 0.05)
    return X, wines.target_names[wines.target]


def model(X: pd.DataFrame) -> Pipeline:
    """Gaps are filled with medians and columns scaled, words become columns of zeros and ones, then the network."""
    numbers = [name for name in X if name not in TEXT]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("text", OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXT),
        ]
    )
    network = MLPClassifier(batch_size=16, max_iter=2000, random_state=0)
    return Pipeline([("columns", columns), ("network", network)])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a small grid")
    quick = parser.parse_args().quick

    X, y = table()
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    print(f"{len(X_train)} wines to learn from, {len(X_test)} to test with, {X.isna().sum().sum()} gaps\n")

    # Scaling and filling are parts of what is searched: each fold learns them from its own training rows.
    grid = {
        "network__hidden_layer_sizes": [(8,), (32,)] if quick else [(4,), (8,), (16,), (32,), (16, 16)],
        "network__activation": ["relu"] if quick else ["relu", "tanh", "silu"],
        "network__alpha": [1e-3, 1.0] if quick else [1e-4, 1e-2, 1e-1, 1.0],
    }
    began = time.perf_counter()
    search = GridSearchCV(model(X), grid, cv=3 if quick else 5).fit(X_train, y_train)
    results = pd.DataFrame(search.cv_results_).sort_values("rank_test_score").head(5)
    n_fits = len(search.cv_results_["params"]) * search.n_splits_
    print(f"{n_fits} fits in {time.perf_counter() - began:.1f} s, the best five candidates:")
    for _, row in results.iterrows():
        chosen = ", ".join(f"{name.removeprefix('network__')}={value}" for name, value in row["params"].items())
        print(f"  {row['mean_test_score']:.3f} ± {row['std_test_score']:.3f}  {chosen}")

    most = pd.Series(y_train).value_counts().index[0]
    print(f"\nalways {most}: {np.mean(y_test == most):.3f} right; the network: {search.score(X_test, y_test):.3f}\n")
    predicted = search.predict(X_test)
    print(classification_report(y_test, predicted, digits=3))
    print("rows are what it was, columns what was predicted:")
    print(confusion_matrix(y_test, predicted))

    # A word that no row had makes zeros in all columns of its own.
    probabilities = search.predict_proba(X_test.iloc[:1].assign(colour="unheard of"))[0]
    shown = ", ".join(f"{name} {p:.3f}" for name, p in zip(search.classes_, probabilities, strict=True))
    print(f"\none wine of a colour unheard of: {shown}")


if __name__ == "__main__":
    main()
