"""The command `shallownet-c`: bench, train, predict, info."""

import argparse
import csv
import io
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from shallownet_c import __version__, _tables, kernels, optimizers
from shallownet_c._kernels import HIDDEN, available
from shallownet_c._tables import InputError
from shallownet_c.errors import DivergenceError
from shallownet_c.mlp import MLP, load

Array = np.ndarray[Any, Any]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 1 if a bench disagrees, 2 for bad input, 130 after Ctrl-C."""
    try:
        arguments = _parser().parse_args(argv)
        return arguments.run(arguments)
    except BrokenPipeError:
        # Whoever read the output has seen enough, as in `shallownet-c predict … | head`. Python flushes stdout once
        # more as it ends, which would fail again.
        if sys.stdout is sys.__stdout__:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except UnicodeEncodeError as error:
        message = f"the output's encoding, {error.encoding}, lacks a character"  # which stderr might lack, too
    except MemoryError as error:
        message = f"too little memory: {error}"
    except (InputError, OSError) as error:
        message = str(error)
    except KeyboardInterrupt:
        print("shallownet-c: interrupted", file=sys.stderr)
        return 130
    print(f"shallownet-c: error: {message}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all other errors are said, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="shallownet-c", description="Small neural networks on a CPU.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    bench = commands.add_parser("bench", help="compare loop, NumPy and compiled training on the same network")
    bench.add_argument("--json", metavar="FILE", help="write the figures there too")
    length = bench.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="a few seconds instead of half a minute")
    length.add_argument("--peers", action="store_true", help="other libraries instead, those that are installed")
    bench.add_argument(
        "--threads", type=_threads, default=1, metavar="N", help="with --peers: for all of them; 0 is all CPUs"
    )
    bench.add_argument("--plot", metavar="FILE", help="with --peers: draw widths and batch sizes instead of the table")
    bench.set_defaults(run=_bench)

    train = commands.add_parser(
        "train", help="fit a network to data and save it", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    train.add_argument("--data", required=True, help="digits, flower, or a .csv or .npz (arrays X and y) file")
    train.add_argument("--target", help="target column of a .csv, by name or number; if not given, the last")
    train.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="if not given, classification where the target is text or has few distinct whole values",
    )
    train.add_argument("--hidden", type=_sizes, default=[100], help="units of the hidden layers, like 100 or 64,64")
    train.add_argument("--activation", default="relu", choices=HIDDEN)
    train.add_argument("--optimizer", default="adam", choices=("adam", "sgd"))
    train.add_argument("--learning-rate", type=_positive, help="if not given, the optimizer's own")
    train.add_argument("--epochs", type=_count, default=100, help="passes over the rows")
    train.add_argument("--batch-size", type=_count, default=200, help="rows a step")
    train.add_argument("--l2", type=_not_negative, default=0.0, help="penalty on the weights")
    train.add_argument("--test-fraction", type=_fraction, default=0.2, help="part of the rows held out")
    train.add_argument("--dtype", default="float64", choices=["float32", "float64"])
    train.add_argument("--seed", type=_seed, default=0, help="of weights, order and held-out rows")
    train.add_argument(
        "--out", default="model.safetensors", help="where the model goes, with a .json of names beside it"
    )
    train.set_defaults(run=_train)

    predict = commands.add_parser("predict", help="predict with a saved network, one line a row")
    predict.add_argument("model", help="a file that train wrote")
    predict.add_argument("data", help="digits, flower, or a .csv or .npz file with the columns trained on")
    predict.add_argument("--probabilities", action="store_true", help="of every class, instead of the likeliest")
    predict.add_argument("--out", metavar="FILE", help="write there instead of printing")
    predict.set_defaults(run=_predict)

    info = commands.add_parser("info", help="version, CPU build, NumPy")
    info.set_defaults(run=_info)
    return parser


def _whole(text: str, least: int, most: float = math.inf) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None
    if not least <= number <= most:
        bound = f"at least {least}" if number < least else f"at most {most}"
        raise argparse.ArgumentTypeError(f"must be {bound}, got {text}")
    return number


def _count(text: str) -> int:
    return _whole(text, 1, 2**31 - 1)


def _threads(text: str) -> int:
    return _whole(text, 0, os.cpu_count() or 1)


def _seed(text: str) -> int:
    return _whole(text, 0)


def _sizes(text: str) -> list[int]:
    return [_count(part) for part in text.split(",")]


def _real(text: str, bound: str, keeps: Callable[[float], bool]) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None
    if not keeps(number):
        raise argparse.ArgumentTypeError(f"must be {bound}, got {text}")
    return number


def _positive(text: str) -> float:
    return _real(text, "> 0 and finite", lambda number: 0 < number < math.inf)


def _not_negative(text: str) -> float:
    return _real(text, ">= 0 and finite", lambda number: 0 <= number < math.inf)


def _fraction(text: str) -> float:
    return _real(text, "between 0 and 1", lambda number: 0 < number < 1)


def _check_destination(option: str, path: str) -> None:
    """Before the work, not after it."""
    if not Path(path).parent.is_dir():
        raise InputError(f"{option} {path}: there is no such folder")
    if Path(path).is_dir():
        raise InputError(f"{option} {path} is a folder")


def _bench(arguments: argparse.Namespace) -> int:
    for option in ("json", "plot"):
        if getattr(arguments, option):
            _check_destination(f"--{option}", getattr(arguments, option))
    if not arguments.peers and (arguments.plot or arguments.threads != 1):
        raise InputError("--threads and --plot go with --peers")
    n_threads = arguments.threads or os.cpu_count()
    threads = {f"{library}_NUM_THREADS": str(n_threads) for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")}
    if not threads.items() <= os.environ.items():
        # A BLAS reads these once, when NumPy is imported, and that has happened: only a new process obeys. -P: it must
        # find the installed package even in the folder of the package's source.
        command = [sys.executable, "-P", "-m", "shallownet_c", "bench"]
        command += ["--quick"] if arguments.quick else ["--peers"] if arguments.peers else []
        command += ["--json", arguments.json] if arguments.json else []
        command += ["--plot", arguments.plot] if arguments.plot else []
        command += ["--threads", str(arguments.threads)]
        return subprocess.run(command, env=os.environ | threads, check=False).returncode

    if arguments.peers:
        from shallownet_c import _peers

        return _peers.run(arguments.json, arguments.threads, arguments.plot)

    from shallownet_c import _bench as bench  # the reference and the data are needed here alone

    return bench.run(arguments.quick, arguments.json)


def _info(arguments: argparse.Namespace) -> int:
    print(f"shallownet_c {__version__}")
    print(f"CPU build    {kernels.target} (this CPU runs {', '.join(available)})")
    print(f"NumPy        {np.__version__}")
    print(f"Python       {platform.python_version()} on {platform.system()} {platform.machine()}")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    _check_destination("--out", arguments.out)
    _tables.check_notes_path(arguments.out)
    table = _tables.read(arguments.data, arguments.target)
    if table.y is None:
        raise InputError(f"{arguments.data} has no target to train on")
    X = table.X
    _tables.check_range(arguments.data, X, arguments.dtype)
    m = len(X)
    n_test = round(arguments.test_fraction * m)
    if n_test < 1 or n_test >= m:
        raise InputError(f"{m} rows are too few to hold out a fraction of {arguments.test_fraction}")
    task = arguments.task or _tables.guess_task(table.y)
    if task == "classification":
        classes, y = np.unique(table.y, return_inverse=True)
        if len(classes) < 2:
            raise InputError(f"the target has one class only, {classes[0]}")
        n_outputs, output = len(classes), "softmax"
    else:
        classes, y = None, _tables.as_numbers(table.y)
        n_outputs, output = 1, "identity"

    order = np.random.default_rng(arguments.seed).permutation(m)
    test, rest = order[:n_test], order[n_test:]

    # The network trains on inputs (and a number to predict) of mean 0 and spread 1; saved, it takes them as they are.
    shift, scale = _standard(arguments.data, X[rest])
    y_shift, y_scale = (0.0, 1.0) if classes is not None else _standard(f"{arguments.data}, target", y[rest])
    try:
        net = MLP(
            [X.shape[1], *arguments.hidden, n_outputs],
            arguments.activation,
            output,
            init="he_normal" if "relu" in arguments.activation else "glorot_uniform",
            dtype=arguments.dtype,
            seed=arguments.seed,
        )
    except ValueError as error:
        raise InputError(f"--hidden: {error}") from None
    make = optimizers.OPTIMIZERS[arguments.optimizer]
    optimizer = make(arguments.learning_rate) if arguments.learning_rate else make()
    standard = (X - shift) / scale
    targets = y if classes is not None else (y - y_shift) / y_scale

    print(f"{arguments.data}: {m} rows, {X.shape[1]} columns, {_what(classes)}; {n_test} rows held out")
    print(f"{net!r}, {net.n_params} parameters\n{'epoch':>7}{'cost':>12}{'held-out ' + _score_name(classes):>20}")
    rng = np.random.default_rng(arguments.seed)
    done = 0
    for report in range(1, 11):
        n_epochs = arguments.epochs * report // 10 - done
        if not n_epochs:
            continue
        try:
            history = net.fit(
                standard[rest],
                targets[rest],
                optimizer=optimizer,
                epochs=n_epochs,
                batch_size=arguments.batch_size,
                l2=arguments.l2,
                seed=rng,
            )
        except DivergenceError as error:
            raise InputError(
                f"training diverged in epoch {done + error.epoch}: try a smaller --learning-rate"
            ) from None
        done += n_epochs
        score = _score(net(standard[test]), targets[test], classes)
        print(f"{done:>7}{history.cost[-1]:>12.5g}{score:>20.4f}")

    with np.errstate(over="ignore", invalid="ignore"):
        _take_raw_inputs(net, shift, scale)
        if classes is None:
            net.weights[-1][...] *= y_scale
            net.biases[-1][...] = net.biases[-1] * y_scale + y_shift
    if not np.isfinite(net.params).all():
        raise InputError(f"{arguments.data}: a network in {arguments.dtype} has no weights for numbers of such size")
    _tables.save_model(arguments.out, net, classes, table)
    print(f"saved to {arguments.out}")
    return 0


def _standard(source: str, X: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each column; 1 for one that never changes."""
    with np.errstate(over="ignore", invalid="ignore"):
        shift, scale = X.mean(axis=0), X.std(axis=0)
    if not np.isfinite(scale).all():
        raise InputError(f"{source}: the squares of its numbers are too large for float64")
    # The deviation of a constant such as 0.1 is not 0 but its mean's rounding, which no weight must be divided by.
    return shift, np.where((X.max(axis=0) > X.min(axis=0)) & (scale > 0), scale, 1.0)


def _take_raw_inputs(net: MLP, shift: Array, scale: Array) -> None:
    """W[1] (x − shift) / scale + b[1] = W' x + b' with W' = W[1] / scale, b' = b[1] − W' shift."""
    net.weights[0][...] /= scale
    net.biases[0][...] -= net.weights[0] @ shift


def _what(classes: Array | None) -> str:
    return "one number to predict" if classes is None else f"{len(classes)} classes"


def _score_name(classes: Array | None) -> str:
    return "R²" if classes is None else "accuracy"


def _score(A: Array, y: Array, classes: Array | None) -> float:
    if classes is not None:
        return float((A.argmax(axis=1) == y).mean())
    spread = ((y - y.mean()) ** 2).sum()
    return float(1 - ((A[:, 0] - y) ** 2).sum() / spread) if spread > 0 else float("nan")


def _predict(arguments: argparse.Namespace) -> int:
    try:
        net = load(arguments.model)
    except ValueError as error:
        raise InputError(error) from None
    notes = _tables.load_notes(arguments.model, net)
    X = _tables.read_inputs(arguments.data, notes, net.layer_sizes[0])
    _tables.check_range(arguments.data, X, str(net.dtype))
    A = net(X)
    classes = notes["classes"]
    if classes is None:
        if arguments.probabilities:
            raise InputError("--probabilities needs a model of classes; this one predicts a number")
        lines = [",".join(map(repr, row)) for row in A.tolist()]
    elif arguments.probabilities:
        header = io.StringIO()
        csv.writer(header, lineterminator="").writerow(classes)  # a class's name may hold a comma
        lines = [header.getvalue(), *(",".join(map(repr, row)) for row in A.tolist())]
    else:
        lines = [str(classes[j]) for j in A.argmax(axis=1)]
    text = "".join(line + "\n" for line in lines)
    beside = _tables.notes_path(arguments.model)
    if not beside.exists():
        print(f"{beside} is missing: columns are taken in their order, classes are numbers", file=sys.stderr)
    if arguments.out:
        Path(arguments.out).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0
