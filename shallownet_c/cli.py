"""The command `shallownet-c`: bench, train, predict, export, info."""

import argparse
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import numpy as np

from shallownet_c import __version__, kernels
from shallownet_c._checks._validation import shown
from shallownet_c._command import _commands, _export, _output
from shallownet_c._command._input import InputError, one_line
from shallownet_c._kernels import HIDDEN, available
from shallownet_c.optimizers import OPTIMIZERS
from shallownet_c.reference._losses import LOSSES

#: Losses of numbers that may be scaled and shifted, and that have no parameter; optimizers that take steps on batches.
_LOSSES = [
    row.name
    for row in LOSSES.values()
    if row.takes("identity") and row.least == -math.inf and not row.logarithmic and row.parameter is None
]
_OPTIMIZERS = [name for name, kind in OPTIMIZERS.items() if not kind.full_batch]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 1 if a bench disagrees, 2 for bad input, 130 after Ctrl-C."""
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.run(arguments)
        return status
    except BrokenPipeError:
        # The reader of the output has seen enough, as in `shallownet-c predict … | head`. Python flushes stdout once
        # more as it ends, which would fail again.
        if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except UnicodeEncodeError as error:
        message = f"the output's encoding, {error.encoding}, lacks a character"
    except MemoryError as error:
        message = f"too little memory: {error}"
    except (InputError, OSError) as error:
        message = str(error)
    except KeyboardInterrupt:
        print("shallownet-c: interrupted", file=sys.stderr)
        return 130
    print(f"shallownet-c: error: {one_line(message)}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """Reports what is wrong in one line, as other errors are reported, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="shallownet-c", description="Small neural networks on a CPU.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    bench = commands.add_parser("bench", help="compare loop, NumPy and compiled training on the same network")
    bench.add_argument("--json", type=_path, metavar="FILE", help="write the figures there too")
    length = bench.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="a few seconds instead of half a minute")
    length.add_argument("--peers", action="store_true", help="other libraries instead, those that are installed")
    bench.add_argument(
        "--threads", type=_threads, default=1, metavar="N", help="with --peers: for all of them; 0 is all CPUs"
    )
    bench.add_argument(
        "--plot", type=_path, metavar="FILE", help="with --peers: draw widths and batch sizes instead of the table"
    )
    bench.set_defaults(run=_bench)

    train = commands.add_parser(
        "train", help="fit a network to data and save it", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    train.add_argument(
        "--data", type=_path, required=True, help="digits, flower, or a .csv or .npz (arrays X and y) file"
    )
    train.add_argument("--target", help="target column of a .csv, by name, or by number from 0; if not given, the last")
    _add_header(train)
    train.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="whether the target's cells are labels, each as it is written, or numbers; if not given, text and whole "
        "numbers of at most 20 values are labels, other numbers are numbers, and what may be either is refused",
    )
    train.add_argument("--hidden", type=_sizes, default=[100], help="units of the hidden layers, like 100 or 64,64")
    train.add_argument("--activation", default="relu", choices=HIDDEN, help="of all hidden layers; relu if not given")
    train.add_argument("--loss", choices=_LOSSES, help="of a target of numbers; if not given, squared_error")
    train.add_argument("--optimizer", default="adam", choices=_OPTIMIZERS, help="adam if not given")
    train.add_argument("--learning-rate", type=_positive, help="if not given, the optimizer's own")
    train.add_argument("--epochs", type=_count, default=100, help="passes over the rows")
    train.add_argument("--batch-size", type=_count, default=200, help="rows a step")
    train.add_argument("--l2", type=_not_negative, default=0.0, help="penalty on the weights")
    train.add_argument("--test-fraction", type=_fraction, default=0.2, help="part of the rows held out")
    train.add_argument("--dtype", default="float64", choices=["float32", "float64"], help="float64 if not given")
    train.add_argument("--seed", type=_seed, default=0, help="of weights, order and held-out rows")
    train.add_argument(
        "--out", type=_path, default="model.safetensors", help="where the model goes, with a .json of names beside it"
    )
    train.set_defaults(run=_commands.train)

    predict = commands.add_parser("predict", help="predict with a saved network, one line a row")
    predict.add_argument("model", type=_path, help="a file that train wrote, or an ONNX file")
    predict.add_argument("data", type=_path, help="digits, flower, or a .csv or .npz file with the columns trained on")
    _add_header(predict)
    predict.add_argument("--probabilities", action="store_true", help="of every class, instead of the likeliest")
    predict.add_argument("--out", type=_path, metavar="FILE", help="write there instead of printing")
    predict.set_defaults(run=_commands.predict)

    export = commands.add_parser("export", help="write a saved network as a file for another program")
    export.add_argument("model", type=_path, help="a file that train wrote, or an ONNX file")
    forms = export.add_mutually_exclusive_group(required=True)
    forms.add_argument(
        "--onnx", type=_path, metavar="FILE", help="an ONNX model, with the names of classes and columns"
    )
    forms.add_argument("--c", type=_path, metavar="FILE", help="one file of C99 that needs math.h alone")
    forms.add_argument(
        "--torch", type=_path, metavar="FILE", help="the state_dict of a torch.nn.Sequential, which is printed"
    )
    export.add_argument("--name", help="with --c: what the names in the file begin with; net if not given")
    export.add_argument("--int8", action="store_true", help="with --c: weights as 8-bit integers")
    export.set_defaults(run=_export.export)

    play = commands.add_parser("play", help="a page in the browser where a small network is trained as you change it")
    play.add_argument("--port", type=_port, default=8765, metavar="N", help="8765 if not given; 0 is any that is free")
    play.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the page's address without opening it"
    )
    play.set_defaults(run=_play)

    info = commands.add_parser("info", help="version, CPU build, NumPy")
    info.set_defaults(run=_info)
    return parser


def _add_header(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--header",
        choices=["auto", "yes", "no"],
        default="auto",
        help="whether line 1 of a .csv holds the columns' names; auto: if it is all words, and no label among them",
    )


def _path(text: str) -> str:
    try:
        usable = os.fsencode(text) != b"" and "\0" not in text
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"must be a path, got {shown(text)}")
    return text


def _whole(text: str, least: int, most: float = math.inf) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {shown(text)}") from None
    if not least <= number <= most:
        bound = f"at least {least}" if number < least else f"at most {most}"
        raise argparse.ArgumentTypeError(f"must be {bound}, got {shown(text)}")
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
        raise argparse.ArgumentTypeError(f"must be a number, got {shown(text)}") from None
    if not keeps(number):
        raise argparse.ArgumentTypeError(f"must be {bound}, got {shown(text)}")
    return number


def _positive(text: str) -> float:
    return _real(text, "> 0 and finite", lambda number: 0 < number < math.inf)


def _not_negative(text: str) -> float:
    return _real(text, ">= 0 and finite", lambda number: 0 <= number < math.inf)


def _fraction(text: str) -> float:
    return _real(text, "between 0 and 1", lambda number: 0 < number < 1)


def _bench(arguments: argparse.Namespace) -> int:
    if arguments.json:
        _output.check("--json", arguments.json, streams=True)
    if arguments.plot:
        _output.check("--plot", arguments.plot)
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
        from shallownet_c._benchmarks import _peers

        return _peers.run(arguments.json, arguments.threads, arguments.plot)

    from shallownet_c._benchmarks import _bench as bench  # the reference and the data are needed here alone

    return bench.run(arguments.quick, arguments.json)


def _port(text: str) -> int:
    return _whole(text, 0, 65535)


def _play(arguments: argparse.Namespace) -> int:
    from shallownet_c._play import _server  # asyncio and json are needed here alone

    return _server.play(arguments)


def _info(arguments: argparse.Namespace) -> int:
    print(f"shallownet_c {__version__}")
    print(f"CPU build    {kernels.target} (this CPU runs {', '.join(available)})")
    print(f"NumPy        {np.__version__}")
    print(f"Python       {platform.python_version()} on {platform.system()} {platform.machine()}")
    return 0
