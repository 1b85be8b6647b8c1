"""The command's parsers of arguments, one for each of its commands on tables and models.

What runs is imported when it runs, so that `--help` need not wait for it.
"""

import argparse
import math
from typing import Any

from shallownet_c._command import _types
from shallownet_c._command._input import InputError
from shallownet_c._kernels import HIDDEN
from shallownet_c.optimizers import OPTIMIZERS
from shallownet_c.reference._losses import LOSSES

#: Losses of numbers that may be scaled and shifted, and that have no parameter; optimizers that take steps on batches.
_LOSSES = [
    row.name
    for row in LOSSES.values()
    if row.takes("identity") and row.least == -math.inf and not row.logarithmic and row.parameter is None
]
_OPTIMIZERS = [name for name, kind in OPTIMIZERS.items() if not kind.full_batch]
_TABLE = "digits, flower, or a file: .csv, .tsv, .txt, .npz (arrays X and y), .parquet, .feather"
_MODEL = "a file that train wrote, or an ONNX file"


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Examples as they are written."""


def add(commands: Any, name: str, what: str, examples: str) -> argparse.ArgumentParser:
    """A command whose help ends with examples, with the options that all have."""
    lines = "".join(f"  {line.strip()}\n" for line in examples.strip().splitlines())
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=f"examples:\n{lines}",
        formatter_class=Formatter,
    )  # fmt: skip
    return parser


def add_tables(commands: Any) -> None:
    """train, predict, evaluate, compare and export."""
    _add_train(commands)
    _add_predict(commands)
    _add_evaluate(commands)
    _add_compare(commands)
    _add_export(commands)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead")


def _add_train(commands: Any) -> None:
    train = add(
        commands, "train", "fit a network to a table and save it",
        """shallownet-c train table.csv --target price
        shallownet-c train table.csv --drop id --missing median --plot cost.png
        shallownet-c train people.csv --target income --hidden 64,64 --activation tanh --out people.safetensors
        shallownet-c train digits --hidden 100""",
    )  # fmt: skip
    _add_training_table(train)
    train.add_argument(
        "--hidden", type=_types.sizes, default=[100], help="units of the hidden layers, like 64,64 (100)"
    )
    train.add_argument("--activation", default="relu", choices=HIDDEN, help="of all hidden layers (relu)")
    _add_fit(train)
    train.add_argument("--dtype", default="float64", choices=["float32", "float64"], help="of the network (float64)")
    train.add_argument(
        "--out", type=_types.path, default="model.safetensors", metavar="FILE",
        help="where the model goes, with all that predict needs (model.safetensors)",
    )  # fmt: skip
    train.add_argument("--plot", type=_types.path, metavar="FILE", help="draw the cost curves: .png, .svg or .pdf")
    _add_quiet(train)
    train.set_defaults(run=_train)


def _add_predict(commands: Any) -> None:
    predict = add(
        commands, "predict", "predict with a saved network, one line for every row",
        """shallownet-c predict model.safetensors new.csv
        shallownet-c predict model.safetensors new.csv --proba --out probabilities.csv
        shallownet-c predict net.onnx new.parquet --json""",
    )  # fmt: skip
    predict.add_argument("model", type=_types.path, help=_MODEL)
    predict.add_argument("data", type=_types.path, metavar="table", help=f"{_TABLE}, with the columns trained on")
    _add_reading(predict)
    predict.add_argument(
        "--probabilities", "--proba", action="store_true", help="of every class, instead of the likeliest"
    )
    predict.add_argument("--out", type=_types.path, metavar="FILE", help="write there instead of printing")
    _add_quiet(predict)
    predict.set_defaults(run=_predict)


def _add_evaluate(commands: Any) -> None:
    evaluate = add(
        commands, "evaluate", "say how good a saved network is on a table that has the target",
        """shallownet-c evaluate model.safetensors test.csv
        shallownet-c evaluate model.safetensors test.csv --json""",
    )  # fmt: skip
    evaluate.add_argument("model", type=_types.path, help=_MODEL)
    evaluate.add_argument("data", type=_types.path, metavar="table", help=_TABLE)
    evaluate.add_argument("--target", help="column to compare with, if it is not the one trained on")
    _add_reading(evaluate)
    add_json(evaluate)
    evaluate.set_defaults(run=_evaluate)


def _add_compare(commands: Any) -> None:
    compare = add(
        commands, "compare", "train activations and widths with several seeds, and rank them on rows held out",
        """shallownet-c compare table.csv --target price
        shallownet-c compare table.csv --activations relu,tanh,silu --widths 16 64 64,64 --seeds 5""",
    )  # fmt: skip
    _add_training_table(compare)
    compare.add_argument(
        "--activations", type=_types.names(list(HIDDEN)), default=["relu", "tanh", "silu"],
        metavar="NAMES", help="of all hidden layers (relu,tanh,silu)",
    )  # fmt: skip
    compare.add_argument(
        "--widths", type=_types.sizes, nargs="+", default=[[16], [64], [64, 64]],
        metavar="UNITS", help="hidden layers of each network, like 16 64 64,64 (16 64 64,64)",
    )  # fmt: skip
    compare.add_argument("--seeds", type=_types.few, default=3, metavar="N", help="networks of each kind (3)")
    _add_fit(compare)
    _add_quiet(compare)
    compare.set_defaults(run=_compare, dtype="float64")


def _add_export(commands: Any) -> None:
    export = add(
        commands, "export", "write a saved network as a file for another program",
        """shallownet-c export model.safetensors --onnx model.onnx
        shallownet-c export model.safetensors --c model.c --name price""",
    )  # fmt: skip
    export.add_argument("model", type=_types.path, help=_MODEL)
    forms = export.add_mutually_exclusive_group(required=True)
    forms.add_argument(
        "--onnx", type=_types.path, metavar="FILE", help="an ONNX model, with the names of classes and columns"
    )
    forms.add_argument("--c", type=_types.path, metavar="FILE", help="one file of C99 that needs math.h alone")
    forms.add_argument(
        "--torch", type=_types.path, metavar="FILE", help="the state_dict of a torch.nn.Sequential, which is printed"
    )
    export.add_argument("--name", help="with --c: what the names in the file begin with (net)")
    export.add_argument("--int8", action="store_true", help="with --c: weights as 8-bit integers")
    _add_quiet(export)
    export.set_defaults(run=_export)


def _add_quiet(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but what was asked for and errors")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """How files of text are read."""
    group = parser.add_argument_group("files of text")
    group.add_argument(
        "--header", choices=["auto", "yes", "no"], default="auto",
        help="whether line 1 holds the columns' names; auto: if it looks like names, and nothing speaks against it",
    )  # fmt: skip
    group.add_argument(
        "--delimiter", type=_types.delimiter, metavar="SIGN",
        help="what separates cells: a sign, or comma, semicolon, tab, bar, space; if not given, it is found",
    )  # fmt: skip
    group.add_argument(
        "--decimal", type=_types.decimal, default="auto", metavar="SIGN",
        help="comma or point in numbers; auto: a comma where it makes numbers of a column",
    )  # fmt: skip


def _add_training_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", type=_types.path, nargs="?", help=_TABLE)
    parser.add_argument("--data", type=_types.path, metavar="TABLE", help="the same")
    parser.add_argument("--target", help="column to predict, by name, or by number from 0; if not given, the last")
    parser.add_argument(
        "--task", choices=["classification", "regression"],
        help="whether the target's cells are labels, each as it is written, or numbers; if not given, text and whole "
        "numbers of at most 20 values are labels, other numbers are numbers, and what may be either is refused",
    )  # fmt: skip
    group = parser.add_argument_group("columns")
    group.add_argument("--drop", action="append", metavar="COLUMN", help="leave out a column; as often as you like")
    group.add_argument(
        "--categorical", action="append", metavar="COLUMN", help="take a column as categories, even if it holds numbers"
    )
    group.add_argument(
        "--missing", choices=["drop", "median"], default="drop",
        help="leave out rows with blank cells, or fill these with the column's median (drop)",
    )  # fmt: skip
    _add_reading(parser)


def _add_fit(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument("--loss", choices=_LOSSES, help="of a target of numbers (squared_error)")
    group.add_argument("--optimizer", default="adam", choices=_OPTIMIZERS, help="adam if not given")
    group.add_argument(
        "--learning-rate",
        type=_types.positive,
        help="of the first epoch, from which it falls to 0 (0.003 for adam, else the optimizer's own)",
    )
    group.add_argument("--epochs", type=_types.count, help="passes over the rows at most; by their number if not given")
    group.add_argument("--batch-size", type=_types.count, help="rows a step; by their number if not given")
    group.add_argument(
        "--patience", type=_types.patience, metavar="EPOCHS",
        help="end after so many epochs without a better validation cost; 0: never, and without rows for that",
    )  # fmt: skip
    group.add_argument("--l2", type=_types.not_negative, default=0.0, help="penalty on the weights (0)")
    group.add_argument("--test-fraction", type=_types.fraction, default=0.2, help="rows held out for scores (0.2)")
    group.add_argument(
        "--validation-fraction", type=_types.fraction, default=0.15, help="of the other rows, to stop by (0.15)"
    )
    group.add_argument("--seed", type=_types.seed, default=0, help="of weights, order and held-out rows (0)")


def _with_table(arguments: argparse.Namespace) -> argparse.Namespace:
    """The arguments, whose table may have been given in either way, but once."""
    if (arguments.table is None) == (arguments.data is None):
        got = "none" if arguments.table is None else "two"
        raise InputError(f"one table is required, like shallownet-c train table.csv, got {got}")
    arguments.data = arguments.table or arguments.data
    return arguments


def _train(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _train

    return _train.train(_with_table(arguments))


def _predict(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _predict

    return _predict.predict(arguments)


def _evaluate(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _predict

    return _predict.evaluate(arguments)


def _compare(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _compare

    return _compare.compare(_with_table(arguments))


def _export(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _export

    return _export.export(arguments)
