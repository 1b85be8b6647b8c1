"""The checks of arguments: each error names the argument, what it got and what it takes."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import itertools
import math
import operator
import reprlib
import sys
from collections.abc import Callable, Collection, Mapping, Set
from types import ModuleType
from typing import Any, TypeGuard

import numpy as np

from shallownet_c._checks import _other_names

Array = np.ndarray[Any, Any]

_SHOWN = 200  # characters of a value in a message
_FLOATS = (np.dtype("float32"), np.dtype("float64"))


class _Repr(reprlib.Repr):
    """A repr that looks at the beginning of large values only, and never fails."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = self.maxarray = 10
        self.maxstring = self.maxother = _SHOWN

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to print an integer of thousands of digits.
        return repr(x) if x.bit_length() <= 256 else f"<an integer of {x.bit_length()} bits>"

    def repr_bytes(self, x: bytes | bytearray, level: int) -> str:
        return self.repr_instance(x[:_SHOWN], level)

    repr_bytearray = repr_bytes

    def repr_instance(self, x: object, level: int) -> str:
        if isinstance(x, np.ndarray) and x.size > 10:
            return f"<{type(x).__name__} of shape {x.shape} and dtype {x.dtype}>"
        return super().repr_instance(x, level)


_repr = _Repr()


def shown(value: object) -> str:
    """The value as messages print it: its repr on one line, cut to 200 characters."""
    try:
        text = " ".join(map(str.strip, _repr.repr(value).splitlines()))
    except Exception:  # the value's own class may have a repr that returns no string, or the name of a built-in type
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def retold(error: TypeError | ValueError, message: str) -> TypeError | ValueError:
    """The error with another message; of its class's base, since a class of the caller's may take other arguments."""
    return TypeError(message) if isinstance(error, TypeError) else ValueError(message)


def integer(name: str, value: object, least: int, most: int | None = sys.maxsize) -> int:
    """The value as an int from `least` to `most`, by default the greatest that indexes an array; None is no limit."""
    if type(value) is int and least <= value and (most is None or value <= most):
        return value  # the common case, decided in a moment
    scalar = _scalar(name, value)
    if isinstance(scalar, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    try:
        number = operator.index(scalar)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {shown(value)}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {shown(number)}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be at most {most}, got {shown(number)}")
    return number


def real_number(name: str, value: object, takes: str, accepts: Callable[[float], bool]) -> float:
    """The value as a finite float that `accepts` accepts; `takes` says which those are."""
    if type(value) is float and math.isfinite(value) and accepts(value):
        return value  # the common case, decided in a moment
    scalar = _scalar(name, value)
    if not _is_real(scalar):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(scalar)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {shown(value)}") from None
    except OverflowError:
        raise ValueError(f"{name} must be {takes}, got {shown(value)}, which no float can hold") from None
    if not math.isfinite(number) or not accepts(number):
        raise ValueError(f"{name} must be {takes}, got {shown(value)}")
    return number


def _scalar(name: str, value: object) -> Any:
    """The value itself, or the scalar that an array without dimensions holds."""
    if not isinstance(value, np.ndarray):
        return value
    refuse_masked(name, value)
    return np.asarray(value)[()] if value.ndim == 0 else value


def _is_real(value: object) -> bool:
    """Whether the value is of a type of real numbers: float() takes strings, too, and times without their unit."""
    if isinstance(value, (bool, np.ndarray)):
        return False
    if isinstance(value, np.generic):
        return isinstance(value, (np.integer, np.floating)) and not isinstance(value, np.timedelta64)
    return hasattr(type(value), "__float__") or hasattr(type(value), "__index__")


def norm_limit(clip_norm: object) -> float:
    """The greatest norm of a gradient; None is no limit, infinity."""
    return math.inf if clip_norm is None else real_number("clip_norm", clip_norm, "> 0", lambda x: x > 0)


def boolean(name: str, value: object) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def choice(name: str, value: object, valid: Collection[str]) -> str:
    """The value, one of the valid names, as a plain str."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(map(repr, valid))}, got {shown(value)}")
    if value not in valid:
        meant = _other_names.meant(value, valid)
        question = f": did you mean {meant!r}?" if meant else ""
        raise ValueError(f"{name} must be one of {', '.join(map(repr, valid))}, got {shown(value)}{question}")
    return str.__str__(value)


def float_dtype(value: object) -> np.dtype[Any]:
    """float32 or float64, from a name, a type or a dtype."""
    try:
        dtype = np.dtype(value) if isinstance(value, (str, type, np.dtype)) else None
    except Exception:  # of any kind, since NumPy parses a string as a small language
        dtype = None
    if dtype is None or dtype not in _FLOATS:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(value)}")
    return np.dtype(dtype.type)  # the one object that arrays have, whatever metadata came with the value


def sequence(name: str, value: Any, of: str) -> list[Any]:
    """The value's items, whose order means something; sets and mappings are refused."""
    if type(value) is list or type(value) is tuple:
        return list(value)  # the common case, decided in a moment
    if not isinstance(value, (str, bytes, bytearray, memoryview, Set, Mapping)):
        if isinstance(value, np.ndarray):
            refuse_masked(name, value)
        try:
            return list(value)
        except (TypeError, OverflowError):  # no items, or a range of more than can be
            pass
    raise TypeError(f"{name} must be a sequence of {of}, got {shown(value)}")


def random_generator(seed: object) -> np.random.Generator | np.random.RandomState:
    """A source of random numbers from None, an int, a Generator or a RandomState."""
    if isinstance(seed, (np.random.Generator, np.random.RandomState)):
        return seed
    if seed is not None:
        seed = integer("seed", seed, 0, None)
    return np.random.default_rng(seed)


def as_array(name: str, value: object) -> Array:
    """The value as an array of whatever dtype it has, over the same memory where NumPy can use that: the one door by
    which a caller's arrays come in.

    What is missing among numbers, pandas' NA and the nulls of other libraries' columns, is NaN.
    """
    if type(value) is np.ndarray:
        array: Array = value
    else:
        refuse_masked(name, value)
        try:
            array = np.asarray(value) if type(value) in (list, tuple) else _foreign().as_array(value)
        except (TypeError, ValueError, OverflowError, RuntimeError, BufferError) as error:
            known = _foreign().refusal(name, value) or _refusal_of_column(name, value)
            # Lists of unequal lengths and a range that is too long are errors of values.
            kind = TypeError if known or not isinstance(error, (ValueError, OverflowError)) else ValueError
            raise kind(known or f"{name} must be an array of numbers: {error}") from None
    if array.dtype.kind == "V" and np.can_cast(array.dtype, np.float32):
        return array.astype(np.float32)  # of a dtype of another library's, such as bfloat16
    if array.dtype.kind == "O":
        if array.ndim == 0 and hasattr(value, "toarray"):  # a sparse matrix as one object
            raise TypeError(f"{name} must be a dense array, got {type(value).__name__}: {name}.toarray() is one")
        return _with_nan(array, hasattr(value, "__array__") and not isinstance(value, np.ndarray))
    return array


def _foreign() -> ModuleType:
    """The module for what is no array of NumPy's; who has nothing else does not wait for its import."""
    from shallownet_c._checks import _foreign

    return _foreign


def refuse_lossy(name: str, value: object) -> None:
    """Raise an error if the value is a table of which NumPy would make something else."""
    if _foreign().is_lossy(value):
        raise TypeError(_foreign().refusal(name, value) or _refusal_of_column(name, value))


def _refusal_of_column(name: str, value: object) -> str | None:
    """What keeps a table from being numbers: its first column that holds none."""
    found = _foreign().not_numbers(value)
    if found is None:
        return None
    label, dtype = found
    column = "a column" if label is None else f"column {shown(label)}"
    remedy = _foreign().remedy(name, value, label, dtype)
    return (
        f"{name} must be real numbers, got {column} of dtype {str(dtype)[:_SHOWN]}; columns may hold booleans, "
        f"integers of at most 64 bits, floats and decimals{remedy}"
    )


def _with_nan(array: Array, of_a_column: bool) -> Array:
    """An array of objects that are numbers with NaN for what is missing; any other array as it is.

    pandas' NA is missing wherever it stands, None in the columns of a library whose null it is.
    """
    nowhere = object()
    NA = getattr(sys.modules.get("pandas"), "NA", nowhere)
    null = None if of_a_column else nowhere
    missing = [item is NA or item is null for item in array.flat]
    if not any(missing):
        return array
    filled = array.copy()
    filled[np.reshape(missing, array.shape)] = np.nan
    return filled if all(_is_number(item) for item in filled.flat) else array


def refuse_masked(name: str, value: object) -> None:
    """Raise an error if the value is a masked array with masked elements, or a list of rows that are.

    Converted to an ordinary array, it would have the data behind the mask, which are not meant to be seen.
    """
    ma = sys.modules.get("numpy.ma")  # where it has not been imported, there is no masked array
    if type(value) is np.ndarray or ma is None:
        return
    items: list[Any] = [value]
    for _ in range(3):  # the value, its rows, their elements
        kinds = set(map(type, items))
        masked: tuple[Any, ...] = tuple(kind for kind in kinds if issubclass(kind, ma.MaskedArray))
        for item in items if masked else ():
            if isinstance(item, masked) and item.dtype.names is None and ma.is_masked(item):
                raise ValueError(
                    f"{name} must have no masked elements, which have no value: fill them, with {name}.filled(…), "
                    f"or leave their rows out"
                )
        if not any(issubclass(kind, (list, tuple)) for kind in kinds):
            return
        if len(kinds) > 1:
            items = [item for item in items if isinstance(item, (list, tuple))]
        items = list(itertools.chain.from_iterable(items))


def numbers(name: str, value: object, dtype: np.dtype[Any]) -> Array:
    """The value as a C-contiguous, aligned, native array of dtype; no copy where it is one already."""
    array = as_array(name, value)
    if array.dtype.kind not in "biuf":
        found = _not_number(array)
        if found is not None:
            raise TypeError(_refusal_of_column(name, value) or f"{name} must be real numbers, got {found}")
    # A float64 too large for float32 becomes an infinity here; callers that need finite values check for them.
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        try:
            return np.require(array, dtype, ["C", "A"])
        except (OverflowError, ValueError) as error:  # from an object, such as an integer of 400 digits
            raise ValueError(f"{name} must be real numbers: {error}") from None


def _not_number(array: Array) -> str | None:
    """What an array holds that is no real number or boolean, be it an item among objects; None if all are numbers."""
    if array.dtype.kind == "U" and array.size:
        return f"text such as {shown(array.item(0))}"
    if array.dtype.kind != "O":
        return f"an array of dtype {array.dtype.name}"
    for place, item in np.ndenumerate(array):
        if not _is_number(item):
            where = f" at {place}" if place else ""
            return f"an array of dtype object that holds {shown(item)}{where}"
    return None


def _is_number(item: object) -> bool:
    return isinstance(item, (bool, np.bool_)) or _is_real(item)


def is_ready(value: object, dtype: np.dtype[Any] | None) -> TypeGuard[Array]:
    """Whether the value is an array just as kernels take it: the common case, decided in a moment."""
    if type(value) is not np.ndarray or value.dtype is not dtype:
        return False
    flags = value.flags
    return flags.c_contiguous and flags.aligned


def rows(name: str, value: object, width: int, dtype: np.dtype[Any]) -> Array:
    """The value as a (m, width) array."""
    if is_ready(value, dtype) and value.ndim == 2 and value.shape[1] == width:
        return value
    array = numbers(name, value, dtype)
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{name} must have shape (m, {width}), got {array.shape}{made_rows(name, array.shape, width)}")
    return array


def made_rows(name: str, shape: tuple[int, ...], width: int, one_row: bool = False) -> str:
    """The end of a message about an array of the wrong shape: how it becomes rows of that width, if it can.

    With `one_row` a single sample may come as (width,).
    """
    if len(shape) == 2 and shape[0] == width != shape[1]:
        return f"; rows are samples: {name}.T"
    if len(shape) == 1 and width == 1:
        return f"; rows are samples: np.reshape({name}, (-1, 1))"
    if one_row and len(shape) > 1 and math.prod(shape) == width:
        return f"; one sample has one dimension: np.ravel({name})"
    if not one_row and shape == (width,):
        return f"; one sample is one row: np.reshape({name}, (1, -1))"
    if len(shape) > 2 and math.prod(shape[1:]) == width:
        return f"; rows are samples: {name}.reshape(len({name}), -1)"
    return ""


def refuse_nonfinite(name: str, array: Array, first_nonfinite: Callable[[Array], int]) -> None:
    """Raise an error that names the first bad row of the array (m, n), if there is one."""
    row = first_nonfinite(array)
    if row >= 0:
        column = int(np.argmin(np.isfinite(array[row])))
        got = f"{array[row, column]} in row {row}, column {column}"
        missing = "; fill what is missing, or leave its row out" if np.isnan(array[row, column]) else ""
        raise ValueError(f"{name} must be finite, got {got} (as {array.dtype}){missing}")


def extremes(array: Array) -> tuple[float, float]:
    """Least and greatest element, both NaN if there is a NaN, in a fifth of the time of min() and max()."""
    return array.item(array.argmin()), array.item(array.argmax())


def sample_weights(value: object, m: int, dtype: np.dtype[Any], all_zero: bool = False) -> Array:
    """The value as (m,) weights: finite, none negative, not all zero unless `all_zero`, with a finite sum.

    Weights below the least normal number count as 0: 1 / Σw would be infinite.
    """
    weights = value if is_ready(value, dtype) else numbers("sample_weight", value, dtype)
    if weights.shape != (m,):
        raise ValueError(f"sample_weight must have shape ({m},), got {weights.shape}")
    least, greatest = extremes(weights)
    if not (least >= 0 and greatest < math.inf):
        row = int(np.argmin((weights >= 0) & (weights < math.inf)))
        raise ValueError(f"sample_weight must be finite and not negative, got {weights[row]} in row {row}")
    if not math.isfinite(greatest * m):
        raise ValueError(f"sample_weight must have a finite sum, got weights up to {greatest}")
    tiny = float(np.finfo(dtype).tiny)
    if greatest < tiny and not all_zero:
        raise ValueError(f"sample_weight must not be zero in every row (as {dtype})")
    return weights if least >= tiny else np.where(weights < tiny, dtype.type(0), weights)


def output_array(name: str, value: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The value, an array that kernels may write to; never converted, since the caller looks at this very memory."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    refuse_masked(name, value)
    if value.dtype != dtype:
        raise TypeError(f"{name} must have dtype {dtype}, got {shown(value.dtype)}")
    if value.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {value.shape}")
    if not value.flags.carray:
        raise ValueError(f"{name} must be C-contiguous, aligned and writeable")
    return value


def refuse_overlap(name: str, array: Array, others: Mapping[str, Array | None]) -> None:
    """Raise an error if the array, which is written to, shares memory with one of the others, by their names."""
    owns = array.flags.owndata
    for other_name, other in others.items():
        if other is None or (owns and other.flags.owndata and array is not other):
            continue  # two arrays with memory of their own: known at once, where may_share_memory takes a while
        if np.may_share_memory(array, other):
            raise ValueError(f"{name} must not share memory with {other_name}")
