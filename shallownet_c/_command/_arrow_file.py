"""Parquet and Feather files as columns of cells, by pyarrow."""

from typing import Any

import numpy as np

from shallownet_c._checks import _extras
from shallownet_c._command._cells import ArrowCells, Cells, NumberCells, OtherCells, arrow_numbers
from shallownet_c._command._input import InputError, open_regular

ENDINGS = (".parquet", ".feather", ".arrow")


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
            return list(map(str, table.column_names)), [_cells(pa, column) for column in table.columns]
        except MemoryError:
            raise
        except Exception as error:  # pyarrow raises more than it says on bytes from anywhere
            what = "Parquet" if source.lower().endswith(".parquet") else "Feather"
            raise InputError(f"{source} is not a {what} file of a table: {str(error)[:120] or repr(error)}") from None


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
