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


def as_array(value: Any) -> Array:
    """The value as an array, over the same memory where NumPy can use that; an error of any kind if it has none."""
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
    place = _elsewhere(value)
    library = type(value).__module__.partition(".")[0]
    kind = f"{library}.{type(value).__name__}"
    if place is not None:
        remedy = REMEDIES.get(library, "copy it there").format(name=name)
        end = ", which holds no numbers" if place == "the device 'meta'" else f": {remedy}"
        return f"{name} must be in the memory of the CPU, got a {kind} on {place}{end}"
    if getattr(value, "requires_grad", False):
        return f"{name} must be an array without a gradient, got a {kind} that requires one: {name}.detach()"
    return None


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

    NumPy by itself makes objects of nullable columns, of columns on Arrow, and of booleans beside numbers.
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
    plain = {getattr(dtype, "numpy_dtype", dtype) for dtype in kinds}
    if plain == kinds and np.dtype(bool) not in kinds:
        return None  # NumPy's own dtypes, of which it finds the common one
    if not all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in plain):
        return None
    dtype, missing = np.result_type(*plain), {}
    if plain != kinds and np.asarray(pandas.isna(value)).any():
        dtype, missing = np.result_type(dtype, np.float16), {"na_value": np.nan}
    array: Array = value.to_numpy(dtype=dtype, **missing)
    return array
