"""Text by sparse rows: which part of SciPy and scikit-learn a paragraph of their documentation comes from.

python examples/text_tfidf.py [--quick]

Needs the extra sklearn. The texts are the docstrings of what is installed, so that nothing is downloaded, and the
numbers depend on the versions. With --quick it takes fewer texts.
"""

import argparse
import importlib
import inspect
import time
import warnings

import numpy as np
import sklearn.neural_network
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

import shallownet_c as sn
from shallownet_c.sklearn import MLPClassifier

PARTS = (
    "scipy.integrate", "scipy.linalg", "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.stats",
    "sklearn.cluster", "sklearn.feature_extraction", "sklearn.linear_model", "sklearn.metrics", "sklearn.preprocessing",
)  # fmt: skip
LEAST_LETTERS = 80


def paragraphs(part: str) -> list[list[str]]:
    """The paragraphs of prose in each docstring of what the package offers."""
    module = importlib.import_module(part)
    texts = []
    for name in module.__all__:
        text = inspect.getdoc(getattr(module, name, None)) or ""
        found = [" ".join(block.split()) for block in text.split("\n\n") if ">>>" not in block]
        texts.append([block for block in found if len(block) >= LEAST_LETTERS])
    return texts


def corpus(share: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Paragraphs, the numbers of their parts, and which of them are held out: those of every fifth docstring."""
    texts: dict[str, tuple[int, bool]] = {}  # what several functions say alike counts once
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are deprecated
        for number, part in enumerate(PARTS):
            docstrings = paragraphs(part)
            for i, found in enumerate(docstrings[: max(20, int(share * len(docstrings)))]):
                for text in found:
                    texts.setdefault(text, (number, i % 5 == 0))
    labels, held_out = (np.array(column) for column in zip(*texts.values(), strict=True))
    return list(texts), labels, held_out


def estimators(texts: list[str], y: np.ndarray, held_out: np.ndarray, epochs: int) -> None:
    """The same pipeline with this package's classifier and with scikit-learn's: the same accuracy, sooner."""
    train = [text for text, out in zip(texts, held_out, strict=True) if not out]
    test = [text for text, out in zip(texts, held_out, strict=True) if out]
    print(f"{'':42}{'accuracy':>10}{'fit':>10}")
    for kind in (MLPClassifier, sklearn.neural_network.MLPClassifier):
        network = kind((50,), max_iter=epochs, n_iter_no_change=epochs, random_state=0)
        pipeline = make_pipeline(TfidfVectorizer(sublinear_tf=True), network)
        words = pipeline[0].fit_transform(train)
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that so few epochs have not converged
            network.fit(words, y[~held_out])
        seconds = time.perf_counter() - started
        name = f"{kind.__module__.partition('.')[0]}: {words.shape[1]:,} words, {epochs} epochs"
        print(f"{name:42}{pipeline.score(test, y[held_out]):10.3f}{seconds:8.2f} s")


def words_of_each_part(X: csr_array, y: np.ndarray, words: np.ndarray, epochs: int) -> None:
    """A network without a hidden layer has a weight for each word and part: the greatest say what a part is about."""
    net = sn.MLP([X.shape[1], len(PARTS)], output="softmax", init="zeros", dtype="float32")
    history = net.fit(X, y, optimizer=sn.Adam(0.02), epochs=epochs, batch_size=100, l2=0.01, seed=0)
    print(f"\nwithout a hidden layer: {net.score(X, y):.3f} of its own rows, {history.seconds:.2f} s; in favour of")
    for part, weights in zip(PARTS, net.weights[0], strict=True):
        print(f"  {part:28}{', '.join(words[np.argsort(-weights)[:6]])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few texts and epochs")
    quick = parser.parse_args().quick
    texts, y, held_out = corpus(0.1 if quick else 1.0)
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    X = csr_array(vectorizer.fit_transform(texts))
    dense, sparse = (8 * size / 1e6 for size in (X.shape[0] * X.shape[1], 1.5 * X.nnz))
    print(f"{X.shape[0]:,} paragraphs of {len(PARTS)} packages, {held_out.mean():.0%} of them held out")
    print(
        f"{X.shape[1]:,} words, {X.nnz / X.shape[0]:.0f} a paragraph: {dense:,.0f} MB dense, {sparse:.1f} MB sparse\n"
    )
    estimators(texts, y, held_out, 10 if quick else 20)
    words_of_each_part(X, y, vectorizer.get_feature_names_out(), 5 if quick else 30)


if __name__ == "__main__":
    main()
