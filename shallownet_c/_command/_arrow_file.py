"""Parquet and Feather files as columns of cells, by pyarrow."""

import json
import re
from typing import Any

import numpy as np

from shallownet_c._checks import _extras
from shallownet_c._command._cells import ArrowCells, Cells, NumberCells, OtherCells, arrow_numbers
from shallownet_c._command._input import InputError, open_regular

ENDINGS = (".parquet", ".feather", ".arrow")
#: What pandas calls an index without a name; in a text it is "".
_UNNAMED = re.compile(r"__index_level_\d+__")


def read(source: str) -> tuple[list[str], list[Cells]]:
    """The names of the columns, and their cells."""
    try:
        pa = _extras.library("pyarrow", "cli", f"{source}, a file of columns,")
    except ImportError as error:
        raise InputError(f"{error}, or write the table as CSV") from None
    with open_regular(source) as file:
        try:
            if source.lower().endswith(".parquet"):
                table = _extras.library("pyarrow.parquet", "cli", source).read_table(file)
            else:
                table = _extras.library("pyarrow.feather", "cli", source).read_table(file)
            # What comes from elsewhere may point beyond its own end.
            table.validate(full=True)
            names = list(map(str, table.column_names))
            index = _index_of_pandas(table, names)
            order = [*index, *(k for k in range(len(names)) if k not in index)]
            names = ["" if k in index and _UNNAMED.fullmatch(names[k]) else names[k] for k in order]
            return names, [_cells(pa, table.column(k)) for k in order]
        except MemoryError:
            raise
        except Exception as error:  # pyarrow raises more than it says on bytes from anywhere
            what = "Parquet" if source.lower().endswith(".parquet") else "Feather"
            raise InputError(f"{source} is not a {what} file of a table: {_reason(error)}") from None


def _index_of_pandas(table: Any, names: list[str]) -> list[int]:
    """The places of the index of a DataFrame, which pandas writes behind all columns, and in a text before them."""
    try:
        index = json.loads(table.schema.metadata[b"pandas"])["index_columns"]
        return [names.index(name) for name in index if isinstance(name, str) and name in names]
    except (KeyError, TypeError, ValueError):
        return []  # no pandas has written this


def _reason(error: Exception) -> str:
    """The first sentence of pyarrow's."""
    return str(error).partition(". ")[0].partition("\n")[0][:120] or repr(error)


def _cells(pa: Any, column: Any) -> Cells:
    types = pa.types
    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_null(kind):
        return NumberCells(np.full(len(column), np.nan))
    if types.is_boolean(kind):
        values = arrow_numbers(column.cast(pa.int8()).cast(pa.float64()))
        return NumberCells(values == 1, np.isnan(values))
    if types.is_integer(kind) and not column.null_count:
        return NumberCells(np.concatenate([np.asarray(chunk) for chunk in column.chunks] or [np.zeros(0, np.int64)]))
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = arrow_numbers(column.cast(pa.float64()))
        return NumberCells(values, np.isnan(values))
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_temporal(kind):
        return ArrowCells(column.cast(pa.string()))
    return OtherCells(len(column), str(kind))
