"""What callers give an estimator, before scikit-learn's own checks."""

import functools
from typing import Any

import numpy as np

from shallownet_c._checks import _validation

#: What has one of these has an array to give, and what has one of the others is a table with names of columns.
ARRAYS = ("__array__", "__dlpack__", "__array_interface__", "__array_struct__")
TABLES = ("iloc", "columns", "column_names")


def taken(name: str, value: Any) -> Any:
    """The value, as an array where scikit-learn might not know it for one; an error if NumPy would make something else
    of it, as of masked elements or of times beside numbers.

    Tables, lists and sparse matrices stay what they are: scikit-learn reads their names and types.
    """
    _validation.refuse_masked(name, value)
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind != "V" else _validation.as_array(name, value)
    if isinstance(value, (list, tuple)):
        return _validation.as_array(name, value) if _of_tensors(value) else value
    _validation.refuse_lossy(name, value)
    has = functools.partial(hasattr, value)
    return _validation.as_array(name, value) if any(map(has, ARRAYS)) and not any(map(has, TABLES)) else value


def _of_tensors(value: Any) -> bool:
    """Whether a list, or a list in it, begins with an array of another library, which may refuse NumPy its numbers."""
    for _ in range(3):
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
    return hasattr(value, "__dlpack__") and not isinstance(value, np.ndarray)
