"""Many small networks: `fit_many`, loops, threads and processes of `fit`, and other libraries at the same work.

1,000 networks 10-16-1 in float32, from first parameters of their own, take 20 epochs of Adam in batches of 32 of 1,000
rows, whose order each network draws anew for each epoch, within the time. Rounds are interleaved; times are medians,
ratios those of the rounds. A contender that takes seconds trains a part of the networks, as the table says. Results are
checked first: loops, threads and processes must end with the same bits, PyTorch and JAX with nearly the same
parameters. scikit-learn draws its own parameters and orders, so that only its loss can be looked at. What is not
installed is left out.
"""

import argparse
import contextlib
import multiprocessing.pool
import signal
import statistics
import time
import warnings

import numpy as np

import shallownet_c as sn

SIZES, M, BATCH, EPOCHS, RATE = (10, 16, 1), 1000, 32, 20, 1e-3


def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((M, SIZES[0])).astype(np.float32)
    return X, (np.sin(X[:, :1]) + 0.1 * rng.standard_normal((M, 1))).astype(np.float32)


X, Y = data()


def networks(n):
    return [sn.MLP(SIZES, dtype="float32", seed=seed) for seed in range(n)]


def orders(n):
    """(n, epochs, M): what `fit` draws from the seeds 0 … n − 1."""
    drawn = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        drawn.append([rng.permutation(M) for _ in range(EPOCHS)])
    return np.array(drawn, np.int32)


def fit(net, seed):
    net.fit(X, Y, optimizer=sn.Adam(RATE), epochs=EPOCHS, batch_size=BATCH, seed=seed, n_threads=1)
    return net.params


# Each returns a function that trains n networks, and returns its seconds and the parameters (n, P), or the mean loss.


def many(n, n_threads):
    def run():
        nets = networks(n)
        began = time.perf_counter()
        sn.fit_many(
            nets, X, Y, optimizer=sn.Adam(RATE), epochs=EPOCHS, batch_size=BATCH, seed=list(range(n)),
            n_threads=n_threads,
        )  # fmt: skip
        return time.perf_counter() - began, np.array([net.params for net in nets])

    return run


def loop(n, n_threads):
    def run():
        nets = networks(n)
        began = time.perf_counter()
        params = [fit(net, seed) for seed, net in enumerate(nets)]
        return time.perf_counter() - began, np.array(params)

    return run


def threads(n, n_threads):
    pool = multiprocessing.pool.ThreadPool(n_threads)

    def run():
        nets = networks(n)
        began = time.perf_counter()
        params = pool.starmap(fit, zip(nets, range(n), strict=True), chunksize=8)
        return time.perf_counter() - began, np.array(params)

    return run


def processes(n, n_threads):
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=n_threads)
    parallel(delayed(fit)(net, 0) for net in networks(4))  # starts the processes

    def run():
        nets = networks(n)
        began = time.perf_counter()
        params = parallel(delayed(fit)(net, seed) for seed, net in enumerate(nets))
        return time.perf_counter() - began, np.array(params)

    return run


def fit_scikit_learn(seed):
    from sklearn.neural_network import MLPRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged
        model = MLPRegressor(
            hidden_layer_sizes=SIZES[1:-1], activation="tanh", alpha=0, batch_size=BATCH, learning_rate_init=RATE,
            max_iter=EPOCHS, tol=0, n_iter_no_change=10 * EPOCHS, random_state=seed,
        ).fit(X, Y.ravel())  # fmt: skip
    return model.loss_


def scikit_learn(n, n_threads):
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=n_threads)
    parallel(delayed(fit_scikit_learn)(seed) for seed in range(4))

    def run():
        began = time.perf_counter()
        losses = parallel(delayed(fit_scikit_learn)(seed) for seed in range(n))
        return time.perf_counter() - began, float(np.mean(losses))

    return run


def pytorch(n, n_threads):
    import torch

    inputs, targets = torch.tensor(X), torch.tensor(Y)

    def run():
        models = []
        for net in networks(n):
            model = torch.nn.Sequential(torch.nn.Linear(*SIZES[:2]), torch.nn.Tanh(), torch.nn.Linear(*SIZES[1:]))
            for parameter, array in zip(model.parameters(), arrays(net), strict=True):
                parameter.data = torch.tensor(array)
            models.append(model)
        torch.set_num_threads(1)  # more are slower at this size
        began = time.perf_counter()
        taken = torch.tensor(orders(n)).long()
        for model, epochs in zip(models, taken, strict=True):
            rule = torch.optim.Adam(model.parameters(), RATE)
            for order in epochs:
                for batch in order.split(BATCH):
                    rule.zero_grad()
                    (0.5 * ((model(inputs[batch]) - targets[batch]) ** 2).sum(dim=1).mean()).backward()
                    rule.step()
        took = time.perf_counter() - began
        torch.set_num_threads(n_threads)  # the limit is that of OpenMP, and of everybody in the process
        return took, np.array([torch.cat([p.detach().ravel() for p in model.parameters()]).numpy() for model in models])

    return run


def arrays(net):
    return [array.copy() for pair in zip(net.weights, net.biases, strict=True) for array in pair]


def jax(n, n_threads):
    """vmap over the networks of a scan over the steps; the last batch of an epoch is filled up with weights of 0."""
    import jax
    import jax.numpy as jnp

    inputs, targets = jnp.asarray(X), jnp.asarray(Y)
    batches = -(-M // BATCH)
    weight = np.arange(batches * BATCH).reshape(batches, BATCH) < M

    def cost(params, x, y, w):
        W_1, b_1, W_2, b_2 = params
        a = jnp.tanh(x @ W_1.T + b_1) @ W_2.T + b_2
        return (w * (0.5 * (a - y) ** 2).sum(axis=1)).sum() / w.sum()

    def step(state, taken):
        params, first, second, t = state
        rows, w = taken
        grad = jax.grad(cost)(params, inputs[rows], targets[rows], w)
        t = t + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, grad)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, grad)
        params = jax.tree.map(
            lambda p, m, v: p - RATE * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), params, first, second
        )
        return (params, first, second, t), None

    def train(params, rows, w):
        zeros = jax.tree.map(jnp.zeros_like, params)
        return jax.lax.scan(step, (params, zeros, zeros, jnp.float32(0)), (rows, w))[0][0]

    nets = networks(n)
    params = [jnp.asarray(np.stack(group)) for group in zip(*map(arrays, nets), strict=True)]
    rows = np.zeros((n, EPOCHS, batches * BATCH), np.int32)
    steps = n, EPOCHS * batches, BATCH
    w = jnp.asarray(np.tile(weight, (EPOCHS, 1)).astype(np.float32))
    began = time.perf_counter()
    compiled = jax.jit(jax.vmap(train, in_axes=(0, 0, None))).lower(params, rows.reshape(steps), w).compile()
    print(f"JAX compiles in {time.perf_counter() - began:.2f} s, which its times leave out", flush=True)

    def run():
        began = time.perf_counter()
        rows[:, :, :M] = orders(n)
        result = jax.block_until_ready(compiled(params, jnp.asarray(rows.reshape(steps)), w))
        took = time.perf_counter() - began
        return took, np.concatenate([np.asarray(group).reshape(n, -1) for group in result], axis=1)

    return run


#: What a row is called, who does it, and how many networks it trains at most.
CONTENDERS = [
    ("fit_many", many, None),
    ("fit_many, one thread", lambda n, _: many(n, 1), None),
    ("a loop over fit", loop, 200),
    ("threads that fit", threads, 200),
    ("joblib processes that fit", processes, 200),
    ("scikit-learn in joblib", scikit_learn, 50),
    ("a loop of PyTorch", pytorch, 10),
    ("JAX vmap, jit, scan", jax, None),
]


def check(name, n, result, ours):
    """An error for a result that is not that of the same work."""
    if isinstance(result, float):
        print(f"{name}: its loss is {result:.4f} in the mean of {n} networks")
    elif name.startswith(("a loop over", "threads", "joblib", "fit_many")):
        assert result.tobytes() == ours[:n].tobytes(), name
    else:
        error = float(np.abs(result - ours[:n]).max())
        print(f"{name}: its parameters differ from ours by {error:.1e} at most")
        assert error < 1e-3, name


def interrupted(n_threads, seconds=0.3):
    """How long four networks of 100,000 parameters go on after a Ctrl-C, in ms."""
    nets = [sn.MLP([10, 300, 300, 1], dtype="float32", seed=seed) for seed in range(4)]
    raised = []

    def handler(*_):
        raised.append(time.perf_counter())
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    began = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with contextlib.suppress(KeyboardInterrupt):
        sn.fit_many(nets, X, Y, optimizer=sn.SGD(1e-9), epochs=[10**7, 10**7, 1, 1], n_threads=n_threads)
    ended = time.perf_counter()
    signal.signal(signal.SIGALRM, before)
    assert raised
    return 1e3 * (ended - began - seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=int, default=1000, help="networks (default: 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="times that each contender is timed (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="threads or processes of each contender (default: 2)")
    parser.add_argument("--ours", action="store_true", help="leave the other libraries out")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", sn.FitWarning)

    runs, counts = {}, {}
    for name, contender, most in CONTENDERS[: 5 if arguments.ours else None]:
        counts[name] = min(arguments.nets, most or arguments.nets)
        try:
            runs[name] = contender(counts[name], arguments.threads)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    ours = runs["fit_many"]()[1]
    for name, run in runs.items():
        check(name, counts[name], run()[1], ours)
    times = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            times[name].append(run()[0] / counts[name])
    print(f"\n| {arguments.nets} networks, {arguments.threads} threads | µs each | × fit_many | networks timed |")
    print("|---|---|---|---|")
    for name, each in times.items():
        ratio = statistics.median(other / own for other, own in zip(each, times["fit_many"], strict=True))
        print(f"| {name} | {1e6 * statistics.median(each):.0f} | {ratio:.2f} | {counts[name]} |")
    late = sorted(interrupted(arguments.threads) for _ in range(10))
    print(f"\nafter a Ctrl-C fit_many goes on for {late[5]:.0f} ms in the median of ten, {late[-1]:.0f} at most")


if __name__ == "__main__":
    main()
