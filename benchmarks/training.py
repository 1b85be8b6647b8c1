"""Training next to scikit-learn and PyTorch on four data sets: cost and score after the same epochs; what watching
costs.

Same first parameters, same order of the rows, float64. Needs scikit-learn; PyTorch's column is empty without it.
"""

import statistics
import time

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor

import shallownet_c as sn

try:
    import torch
except ImportError:
    torch = None

EPOCHS, BATCH = 20, 50


def california_like(m=4000):
    """Eight columns, a skewed and bounded price, as in the California housing data."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, 8))
    price = np.exp(0.8 * X[:, 0] - 0.3 * X[:, 1] * X[:, 2] + 0.2 * np.sin(3 * X[:, 3]) + 0.3 * rng.standard_normal(m))
    return X, np.minimum(price, 5.0)


def data():
    for name, (X, y), classes in (
        ("digits", load_digits(return_X_y=True), 10),
        ("breast cancer", load_breast_cancer(return_X_y=True), 2),
        ("diabetes", load_diabetes(return_X_y=True), 0),
        ("California-like", california_like(), 0),
    ):
        X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-12)
        yield name, X, y if classes else (y - y.mean()) / y.std(), classes


def network(X, classes):
    output, n_out = {0: ("identity", 1), 2: ("sigmoid", 1)}.get(classes, ("softmax", classes))
    return sn.MLP([X.shape[1], 32, n_out], "relu", output, seed=0)


def score(A, y, classes):
    if not classes:
        return 1 - np.sum((A[:, 0] - y) ** 2) / np.sum((y - y.mean()) ** 2)
    return np.mean((A.argmax(axis=1) if classes > 2 else A[:, 0] > 0.5) == y)


def by_torch(net, X, y, classes, optimizer):
    layers = []
    for W, b in zip(net.weights, net.biases, strict=True):
        linear = torch.nn.Linear(*W.T.shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(W.copy()), torch.tensor(b.copy())
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    parameters = list(model.parameters())
    rule = (
        torch.optim.Adam(parameters, 1e-3) if optimizer == "adam" else torch.optim.SGD(parameters, 0.01, momentum=0.9)
    )
    f = torch.nn.functional
    criterion = {
        0: lambda z, t: 0.5 * ((z[:, 0] - t) ** 2).mean(),
        2: lambda z, t: f.binary_cross_entropy_with_logits(z[:, 0], t.double()),
    }.get(classes, f.cross_entropy)
    X, y = torch.tensor(X), torch.tensor(y)
    for _ in range(EPOCHS):
        for first in range(0, len(X), BATCH):
            rule.zero_grad()
            criterion(model(X[first : first + BATCH]), y[first : first + BATCH]).backward()
            rule.step()
    return np.concatenate([p.detach().numpy().ravel() for p in parameters])


def by_scikit_learn(net, X, y, classes, optimizer):
    kind = MLPClassifier if classes else MLPRegressor
    rate = 1e-3 if optimizer == "adam" else 0.01
    model = kind(hidden_layer_sizes=(32,), solver=optimizer, alpha=0, batch_size=BATCH, learning_rate_init=rate,
                 shuffle=False, momentum=0.9, nesterovs_momentum=False, max_iter=1)  # fmt: skip
    labels = {"classes": np.unique(y)} if classes else {}
    model.partial_fit(X, y, **labels)
    for part, given in ((model.coefs_, net.weights), (model.intercepts_, net.biases)):
        for theirs, ours in zip(part, given, strict=True):
            theirs[...] = ours.T
    rule = type(model._optimizer)
    state = {"sgd": (rate, "constant", 0.9, False, 0.5), "adam": (rate, 0.9, 0.999, 1e-8)}[optimizer]
    model._optimizer = rule(model.coefs_ + model.intercepts_, *state)
    for _ in range(EPOCHS):
        model.partial_fit(X, y, **labels)
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    return np.concatenate([part for W, b in pairs for part in (W.T.ravel(), b)])


def parity():
    print(f"After {EPOCHS} epochs in batches of {BATCH}, 32 ReLU units, float64; greatest difference of a parameter\n")
    print("| data | optimizer | cost | score | PyTorch: cost, score | differs | scikit-learn: cost, score | differs |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name, X, y, classes in data():
        for optimizer, make in (("sgd", lambda: sn.SGD(0.01, 0.9)), ("adam", sn.Adam)):
            net = network(X, classes)
            start = net.copy()
            net.fit(X, y, optimizer=make(), epochs=EPOCHS, batch_size=BATCH, shuffle=False)
            cells = [name, optimizer, f"{net.cost(X, y):.6f}", f"{score(net(X), y, classes):.4f}"]
            for train in (by_torch if torch else None, by_scikit_learn):
                if train is None:
                    cells += ["–", "–"]
                    continue
                other = start.copy()
                other.params[:] = train(start.copy(), X, y, classes, optimizer)
                cells.append(f"{other.cost(X, y):.6f}, {score(other(X), y, classes):.4f}")
                cells.append(f"{np.abs(other.params - net.params).max():.1e}")
            print("| " + " | ".join(cells) + " |")


def overhead(rounds=31):
    X, y = load_digits(return_X_y=True)
    X = X / 16
    validation = X[:300], y[:300]
    ways = {
        "plain": {},
        "callback": {"callback": lambda epoch, history, net: None},
        "patience": {"patience": 1000},
        "validation on 300 rows": {"validation_data": validation},
        "all three": {"validation_data": validation, "patience": 1000, "callback": lambda epoch, history, net: None},
    }
    seconds = {name: [] for name in (*ways, "one cost() of 300 rows")}
    net = sn.MLP([64, 100, 10], "relu", "softmax", seed=0)
    for _ in range(rounds):
        for name, options in ways.items():
            twin = net.copy()
            began = time.perf_counter()
            twin.fit(X, y, epochs=50, batch_size=200, seed=0, n_threads=1, **options)
            seconds[name].append((time.perf_counter() - began) / 50)
        began = time.perf_counter()
        net.cost(*validation)
        seconds["one cost() of 300 rows"].append(time.perf_counter() - began)
    plain = statistics.median(seconds["plain"])
    print("\ndigits 64-100-10, batch 200, Adam, an epoch, one thread, medians of interleaved rounds\n")
    print("| | ms | of a plain epoch |\n|---|---:|---:|")
    for name, values in seconds.items():
        print(f"| {name} | {1e3 * statistics.median(values):.3f} | {100 * statistics.median(values) / plain:.1f} % |")


if __name__ == "__main__":
    parity()
    overhead()
