"""What callers give an estimator, before scikit-learn's own checks."""

import functools
from typing import Any

import numpy as np

from shallownet_c._checks import _validation

#: What has one of these has an array to give, and what has one of the others is a table with names of columns.
ARRAYS = ("__array__", "__dlpack__", "__array_interface__", "__array_struct__")
TABLES = ("iloc", "columns", "column_names")


def taken(name: str, value: Any) -> Any:
    """The value, which has no masked elements; as an array where scikit-learn might not know it for one.

    Tables, lists and sparse matrices stay what they are: scikit-learn reads their names and types.
    """
    _validation.refuse_masked(name, value)
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind != "V" else _validation.as_array(name, value)
    has = functools.partial(hasattr, value)
    return _validation.as_array(name, value) if any(map(has, ARRAYS)) and not any(map(has, TABLES)) else value
