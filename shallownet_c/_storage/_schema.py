"""What the metadata of models and checkpoints must be: files come from outside.

The tables at the end read like the JSON that they describe. Each of their entries is a check, which raises a ValueError
that names the place; `record`, `items` and so on make checks of others. Whether values go together is checked by the
constructors that take them.
"""

import math
import sys
from collections.abc import Callable, Collection
from typing import Any

from shallownet_c import _kernels
from shallownet_c._checks._validation import shown
from shallownet_c.optimizers import OPTIMIZERS, Optimizer
from shallownet_c.reference._losses import LOSSES

Check = Callable[[str, Any], None]


def value(takes: str, accepts: Callable[[Any], bool]) -> Check:
    def check(place: str, found: Any) -> None:
        if not accepts(found):
            raise ValueError(f"{place} must be {takes}, got {shown(found)}")

    return check


def integer(least: int, most: int) -> Check:
    return value(f"an integer from {least} to {most}", lambda found: type(found) is int and least <= found <= most)


def one_of(names: Collection[str]) -> Check:
    return value(f"one of {', '.join(map(repr, names))}", lambda found: type(found) is str and found in names)


def optional(check: Check) -> Check:
    """What `check` takes, or null."""
    return lambda place, found: None if found is None else check(place, found)


def items(check: Check, count: int | None = None) -> Check:
    """A list of what `check` takes."""
    a_list = value(
        "a list" if count is None else f"a list of {count}",
        lambda found: type(found) is list and count in (None, len(found)),
    )

    def check_items(place: str, found: Any) -> None:
        a_list(place, found)
        for i, item in enumerate(found):
            check(f"{place}[{i}]", item)

    return check_items


def record(fields: dict[str, Check], may_lack: Collection[str] = ()) -> Check:
    """An object with these fields and no others."""

    def check_record(place: str, found: Any) -> None:
        an_object(place, found)
        for name in found.keys() - fields.keys():
            raise ValueError(f"{place} has a field {shown(name)} that is not known")
        for name, check in fields.items():
            if name in found:
                check(f"{place}.{name}", found[name])
            elif name not in may_lack:
                raise ValueError(f"{place} has no {name}")

    return check_record


def variants(name: str, kinds: dict[str, dict[str, Check]]) -> Check:
    """An object whose field `name` says which fields it has besides."""
    a_kind = one_of(kinds)
    checks = {kind: record({name: a_kind, **fields}) for kind, fields in kinds.items()}

    def check_variant(place: str, found: Any) -> None:
        an_object(place, found)
        a_kind(f"{place}.{name}", found.get(name))
        checks[found[name]](place, found)

    return check_variant


def is_number(found: Any) -> bool:
    """Whether it is a number that a float can hold, and not NaN, which Python's JSON reads."""
    return (type(found) is float and not math.isnan(found)) or (type(found) is int and abs(found) < 2**64)


an_object = value("an object", lambda found: type(found) is dict)
text = value("a string", lambda found: type(found) is str)
boolean = value("true or false", lambda found: type(found) is bool)
number = value("a finite number", lambda found: is_number(found) and abs(found) < math.inf)
number_or_infinity = value("a number", lambda found: is_number(found) and found > -math.inf)
count = integer(0, sys.maxsize)
counter = integer(0, 2**62)  # the kernels count in 64 bits: this leaves room to go on
word, long_word, switch = integer(0, 2**32 - 1), integer(0, 2**64 - 1), integer(0, 1)

loss_parameters = {row.parameter.name: number for row in LOSSES.values() if row.parameter is not None}
ARCHITECTURE = record(
    {
        "layer_sizes": items(integer(1, sys.maxsize)),
        "activation": items(one_of(_kernels.HIDDEN)),
        "output": one_of(_kernels.ACTIVATIONS),
        "loss": one_of(_kernels.LOSSES),
        "leak": number,
        **loss_parameters,
        "dtype": one_of(("float32", "float64")),
        "feature_names": items(text),
    },
    # Older files have no parameters of losses; a network that has not learnt from a table has no names.
    may_lack=(*loss_parameters, "feature_names"),
)
ENSEMBLE = record({"ensemble": items(ARCHITECTURE)})

# NumPy's generators trust these numbers: some are indices of C arrays, and a PCG generator with an even increment can
# get stuck, so that a permutation would wait for ever for a number that is small enough.
half = {"has_uint32": switch, "uinteger": word}  # half of a 64-bit number, kept for the next call
odd = value("an odd integer of 128 bits", lambda found: type(found) is int and 0 < found < 2**128 and found % 2 == 1)
pcg = {"state": record({"state": integer(0, 2**128 - 1), "inc": odd}), **half}
BIT_GENERATORS = {
    "MT19937": {"state": record({"key": items(word, 624), "pos": integer(0, 624)})},
    "PCG64": pcg,
    "PCG64DXSM": pcg,
    "Philox": {
        "state": record({"counter": items(long_word, 4), "key": items(long_word, 2)}),
        "buffer": items(long_word, 4),
        "buffer_pos": integer(0, 4),
        **half,
    },
    "SFC64": {"state": record({"state": items(long_word, 4)}), **half},
}
legacy = {"has_gauss": switch, "gauss": number}
RANDOM = variants(
    "kind",
    {
        "Generator": {"state": variants("bit_generator", BIT_GENERATORS)},
        "RandomState": {
            "state": variants("bit_generator", {name: {**fields, **legacy} for name, fields in BIT_GENERATORS.items()})
        },
    },
)

SCHEDULE = variants(
    "name",
    {
        "Constant": {},
        "InverseScaling": {"power": number},
        "Cosine": {"epochs": optional(count), "least": number},
        "Adaptive": {
            "factor": number,
            "patience": count,
            "tol": number,
            "least": number,
            "_best": number_or_infinity,
            "_wait": count,
            "_cuts": count,
        },
        "PerEpoch": {},
    },
)


def settings_of(optimizer: Optimizer) -> Check:
    """The hyper-parameters, of the types that they have in `optimizer`."""
    return record({name: boolean if isinstance(getattr(optimizer, name), bool) else number for name in optimizer.names})


rates_and_steps = {"epsilon_as_given": boolean, "step": counter, "epoch": counter, "schedule": SCHEDULE}
OPTIMIZER = variants(
    "name",
    {
        kind.__name__: {"settings": settings_of(kind()), **rates_and_steps}
        for kind in OPTIMIZERS.values()
        if kind.takes_steps  # L-BFGS, which no kernel runs, writes no checkpoints
    },
)

CHECKPOINT = record({
    "architecture": ARCHITECTURE,
    "rows": optional(integer(1, sys.maxsize)),
    "fingerprint": word,
    "given": items(boolean, 3),
    "settings": record({
        "epochs": count,
        "batch_size": optional(count),
        "shuffle": boolean,
        "l2": number,
        "l1": number,
        "dropout": optional(items(number)),
        "dropout_seed": word,
        "clip_norm": number_or_infinity,
        "patience": optional(count),
        "tol": number,
        "objective_scale": number,
        "label_smoothing": number,
    }, may_lack=("label_smoothing",)),
    "optimizer": OPTIMIZER,
    "position": record({"wait": count, "best_cost": number_or_infinity}),
    "history": record({
        "n_epochs": count,
        "stopped": one_of(("", "epochs", "patience", "callback")),
        "seconds": number,
    }),
    "random": RANDOM,
})  # fmt: skip
