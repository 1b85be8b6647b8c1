"""Arrays and tables of other libraries, as NumPy sees them; none of these libraries is imported."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: DLPack's types of devices: those whose memory the CPU reads, and the names of the others.
ON_CPU = {1, 3, 11, 13}
ELSEWHERE = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 14: "oneAPI", 15: "WebGPU"}
#: How to copy an array from there, by the library's name.
REMEDIES = {"cupy": "cupy.asnumpy({name})", "torch": "{name}.cpu()"}
#: What a column holds: numbers, or objects, which may be numbers; times; integers of 128 bits; or anything else.
NUMBERS, TIMES, WIDE, OTHERS = range(4)


def as_array(value: Any) -> Array:
    """The value as an array, over the same memory where NumPy can use that; an error of any kind if it has none."""
    if is_lossy(value):
        raise TypeError(f"a {type(value).__name__} whose values no array holds")
    table = _numbers_of_pandas(value)
    if table is not None:
        return table
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        value = value.float()  # NumPy has no such dtype, and float32 holds every number of it
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)  # of which NumPy would make a sequence of its items, or one object
    array: Array = np.asarray(value)
    return array


def refusal(name: str, value: Any) -> str | None:
    """What keeps a value from being an array here, and how to get at its numbers, if that is known."""
    library = type(value).__module__.partition(".")[0]
    kind = f"{library}.{type(value).__name__}"
    if _is_query(value):
        return f"{name} must be an array or a table, got a {kind}, which has yet to be computed: {name}.collect()"
    place = _elsewhere(value)
    if place is not None:
        remedy = REMEDIES.get(library, "copy it there").format(name=name)
        end = ", which holds no numbers" if place == "the device 'meta'" else f": {remedy}"
        return f"{name} must be in the memory of the CPU, got a {kind} on {place}{end}"
    if getattr(value, "requires_grad", False):
        return f"{name} must be an array without a gradient, got a {kind} that requires one: {name}.detach()"
    return None


def is_lossy(value: Any) -> bool:
    """Whether NumPy makes something else of a table's values: numbers of times, or nothing at all."""
    dtypes = {dtype for _, dtype in _columns(value)}
    kinds = set(map(_kind, dtypes))
    # Of times beside other columns polars makes integers, and pyarrow an error; by themselves they stay times.
    return WIDE in kinds or (TIMES in kinds and len(dtypes) > 1) or _is_query(value)


def not_numbers(value: Any) -> tuple[Any, Any] | None:
    """The label and the dtype of a table's first column that holds no numbers; None if there is none."""
    columns = enumerate(_columns(value))
    return next(((label, dtype) for k, (label, dtype) in columns if _kind(dtype) != NUMBERS or _text(value, k)), None)


def _text(value: Any, k: int) -> bool:
    """Whether column k of a table of pandas holds text as objects, as it does before pandas 3."""
    if not hasattr(value, "iloc") or getattr(value, "ndim", 1) != 2:
        return False
    column = value.iloc[:, k]
    return column.dtype == np.dtype(object) and any(isinstance(item, str) for item in column)


def remedy(name: str, value: Any, label: Any, dtype: Any) -> str:
    """The end of a message about a column of a table that holds no numbers: how it becomes columns that do."""
    if _kind(dtype) == TIMES:
        return "; of times write numbers, such as the days since the first, the month or the weekday"
    is_text = str(dtype).lower().startswith(("string", "str[", "large_string", "categor", "enum", "object"))
    dummies = {"pandas": "pandas.get_dummies({name})", "polars": "{name}.to_dummies([{label!r}])"}
    library = _library(value)[0]
    if label is None or library not in dummies or not (is_text or str(dtype) == "str"):
        return ""
    return f"; {dummies[library].format(name=name, label=label)} has a column of 0 and 1 for each text"


def _library(value: Any) -> tuple[str, Any]:
    """The name and the module of the library of tables that the value is of; "" and None if it is of none."""
    for base in type(value).__mro__:
        name = str(base.__module__).partition(".")[0]
        if name in ("pandas", "polars", "pyarrow") and name in sys.modules:
            return name, sys.modules[name]
    return "", None


def _is_query(value: Any) -> bool:
    name, polars = _library(value)
    return name == "polars" and isinstance(value, polars.LazyFrame)


def _columns(value: Any) -> list[tuple[Any, Any]]:
    """The label and the dtype of each column of a table, or of one column by itself, whose label is None."""
    name, library = _library(value)
    if name == "pandas":
        if isinstance(value, library.DataFrame):
            return list(value.dtypes.items())
        if isinstance(value, (library.Series, library.Index, library.api.extensions.ExtensionArray)):
            return [(None, value.dtype)]
    if name == "polars":
        if isinstance(value, library.DataFrame):
            return list(zip(value.columns, value.dtypes, strict=True))
        if isinstance(value, library.Series):
            fields = value.dtype.fields if value.dtype == library.Struct else None  # of which NumPy makes a table
            return [(None, value.dtype)] if fields is None else [(field.name, field.dtype) for field in fields]
    if name == "pyarrow":
        if isinstance(value, (library.Table, library.RecordBatch)):
            return list(zip(value.schema.names, value.schema.types, strict=True))
        if isinstance(value, (library.Array, library.ChunkedArray)):
            return [(None, value.type)]
    return []


def _kind(dtype: Any) -> int:
    """NUMBERS, TIMES, WIDE or OTHERS, whichever a column of the dtype holds."""
    name, library = _library(dtype)
    if name == "polars":
        text = str(dtype)
        if text in ("Int128", "UInt128"):
            return WIDE
        numbers, times = dtype.is_numeric() or text in ("Boolean", "Null", "Object"), dtype.is_temporal()
    elif name == "pyarrow":
        types = library.types
        if types.is_dictionary(dtype) or types.is_run_end_encoded(dtype):
            return _kind(dtype.value_type)
        tests = types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null
        numbers, times = any(test(dtype) for test in tests), types.is_temporal(dtype)
    else:  # pandas' own dtypes and NumPy's
        if hasattr(dtype, "pyarrow_dtype"):
            return _kind(dtype.pyarrow_dtype)
        if name and isinstance(dtype, library.CategoricalDtype):
            return _kind(dtype.categories.dtype)
        times = dtype.kind in "mM" or (name != "" and isinstance(dtype, library.PeriodDtype))
        numbers = dtype.kind in "biuf" or dtype == np.dtype(object)
    return TIMES if times else NUMBERS if numbers else OTHERS


def _elsewhere(value: Any) -> str | None:
    """Where the array is, if that is not in the CPU's memory."""
    try:
        kind, number = value.__dlpack_device__()
    except Exception:  # no device, or one that DLPack has no number for
        device = getattr(getattr(value, "device", None), "type", "cpu")
        return None if device == "cpu" else f"the device {device!r}"
    return None if kind in ON_CPU else f"{ELSEWHERE.get(kind, f'DLPack type {int(kind)}')} device {number}"


def _numbers_of_pandas(value: Any) -> Array | None:
    """A table or column of numbers of pandas with NaN for what is missing; None for anything else.

    NumPy by itself makes objects of nullable columns, of columns on Arrow, and of booleans beside numbers; and pandas
    makes the least integer of what is missing among categories of integers.
    """
    if not hasattr(value, "isna") or "pandas" not in sys.modules:
        return None
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        dtypes = list(value.dtypes)
    elif isinstance(value, (pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)):
        dtypes = [value.dtype]
    else:
        return None
    kinds = set(dtypes)
    values = (dtype.categories.dtype if isinstance(dtype, pandas.CategoricalDtype) else dtype for dtype in kinds)
    plain = {getattr(dtype, "numpy_dtype", dtype) for dtype in values}
    if plain == kinds and np.dtype(bool) not in kinds:
        return None  # NumPy's own dtypes, of which it finds the common one
    if not all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in plain):
        return None
    dtype, missing = np.result_type(*plain), {}
    if plain != kinds and np.asarray(pandas.isna(value)).any():
        dtype, missing = np.result_type(dtype, np.float16), {"na_value": np.nan}
    array: Array = value.to_numpy(dtype=dtype, **missing)
    return array
