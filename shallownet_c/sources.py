"""Where a fit can read rows from that are neither arrays nor functions: tables in Parquet files."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from shallownet_c._checks import _arguments, _extras, _validation
from shallownet_c._checks._validation import Array, shown
from shallownet_c._fitting._sources import ShuffledChunks

#: Types whose numbers float32 holds without rounding, by their names in Arrow.
_SHORT = {"bool", "int8", "uint8", "int16", "uint16", "halffloat", "float"}


@_arguments.checked
def parquet(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    columns: Sequence[str],
    target: str | Sequence[str],
    batch_rows: int = 65_536,
    *,
    weight: str | None = None,
    classes: Sequence[Any] | None = None,
) -> Parquet:
    """Rows of Parquet files, in chunks, for ``net.fit(source, batch_size=…)``: tables that do not fit into memory.

    Parameters
    ----------
    path : path, or sequence of paths
        A file, a folder, or a list of files. Of a folder all files are taken, those in folders within it, too, whose
        names may be ``name=value`` as Hive has it; names that begin with ``_`` or ``.`` are passed over. A string may
        also be an address that pyarrow knows, such as ``s3://bucket/folder``.
    columns : sequence of str
        The columns of X by their names, in this order, which the network keeps as its `feature_names`. They may be
        booleans, integers, floats or decimals.
    target : str or sequence of str
        The column of Y, or several. One of integers may be the numbers of classes.
    batch_rows : int, default 65,536
        Rows of a chunk. A batch of `fit` is a part of a chunk: a `batch_size` beyond `batch_rows` takes whole chunks.
    weight : str, optional
        The column of the weights of the rows.
    classes : sequence, optional
        The labels of the target in the order of their numbers, for one target of strings or of integers that are no
        numbers of classes.

    Returns
    -------
    Parquet
        A function that yields chunks, wherever `MLP` takes one: ``net.fit(source)``, ``net.score(source)``,
        ``validation_data=(source, None)``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what it should be, a column is missing from a file or of a type that does not fit, or
        there are no rows; types are checked before any row is read. While rows are read: if a value is missing or not
        finite, or a label is none of `classes`; file, column and row are named.
    FileNotFoundError
        If there is no such file.
    ImportError
        Without pyarrow, which the extra ``arrow`` installs.

    Notes
    -----
    Each epoch shuffles the rows in two stages, by the `seed` of `fit`, unless that has ``shuffle=False``. Row groups,
    the parts that a Parquet file is written in, come in a new order; then the rows of each chunk are shuffled, provided
    that `batch_size` is less than `batch_rows`. The limit of this is that a batch is drawn from one chunk: from as many
    row groups as a chunk spans, which is a single stretch of neighbouring rows where row groups are longer than chunks.
    Files whose rows are sorted, by the target or by date, should be shuffled once before they are written, or be
    written in row groups of at most a tenth of `batch_rows` (``row_group_size=`` in pyarrow and pandas), so that every
    chunk has rows of ten places.

    pyarrow decodes whole row groups. Memory is that of up to four of them, of the columns that are read, and of a few
    chunks, for any number of files. X is float32 where no column needs float64; a network of the other dtype converts
    it.

    Examples
    --------
    >>> import os, tempfile, numpy as np, shallownet_c as sn
    >>> import pyarrow as pa, pyarrow.parquet as pq
    >>> rng = np.random.default_rng(0)
    >>> table = {"a": rng.standard_normal(1000), "b": rng.standard_normal(1000)}
    >>> table["label"] = np.where(table["a"] > table["b"], "first", "second")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pq.write_table(pa.table(table), os.path.join(folder, "0.parquet"), row_group_size=100)
    ...     source = sn.sources.parquet(folder, ["a", "b"], "label", 500, classes=["first", "second"])
    ...     net = sn.MLP([2, 4, 2], output="softmax", seed=0)
    ...     _ = net.fit(source, epochs=30, batch_size=20, seed=0)
    ...     net.score(source) > 0.95, net.feature_names
    (True, ('a', 'b'))
    """
    names = _names("columns", columns)
    targets = [target] if isinstance(target, str) else _names("target", target)
    both = sorted({*names} & {*targets})
    if both:
        raise ValueError(f"columns must not have the target, got {shown(both[0])} in both")
    if weight is not None and not isinstance(weight, str):
        raise TypeError(f"weight must be the name of a column, got {shown(weight)}")
    batch_rows = _validation.integer("batch_rows", batch_rows, 1)
    labels = None if classes is None else _labels(classes, targets)
    try:
        return Parquet(_dataset(path), names, targets, batch_rows, weight, labels, one=isinstance(target, str))
    except _pyarrow().ArrowInvalid as error:
        forms = "a Parquet file, a folder of nothing else, a list of such files, or an address that pyarrow knows"
        raise ValueError(f"path must be {forms}: {error}") from error


def _names(argument: str, value: object) -> list[str]:
    """The names of columns, each of them once."""
    if isinstance(value, str):
        raise TypeError(f"{argument} must be a sequence of names, got {shown(value)}: [{shown(value)}] has one name")
    names = _validation.sequence(argument, value, "names of columns")
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"{argument} must be names of columns, got {shown(name)}")
        if name in names[:i]:
            raise ValueError(f"{argument} must name each column once, got {shown(name)} twice")
    if not names:
        raise ValueError(f"{argument} must name at least one column, got none")
    return names


def _labels(classes: object, targets: list[str]) -> list[Any]:
    labels = _validation.sequence("classes", classes, "labels")
    if len(targets) > 1:
        raise ValueError(f"classes must be left out for several targets, got {len(targets)} of them")
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(f"classes must be at least two labels, each of them once, got {shown(labels)}")
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _dataset(path: object) -> Any:
    """pyarrow's dataset of the files."""
    ds = _extras.library("pyarrow.dataset", "arrow", "sn.sources.parquet")
    where: Any
    if isinstance(path, (str, os.PathLike)):
        where = os.fspath(path)
    else:
        paths = _validation.sequence("path", path, "paths")
        for one in paths:
            if not isinstance(one, (str, os.PathLike)):
                raise TypeError(f"path must be a path or a sequence of paths, got {shown(one)} in it")
            if os.path.isdir(one):
                raise ValueError(f"path must be one folder or a list of files, got the folder {shown(one)} in a list")
        if not paths:
            raise ValueError("path must have at least one path, got an empty sequence")
        where = [os.fspath(one) for one in paths]
    dataset = ds.dataset(where, format="parquet", partitioning="hive")
    if not dataset.files:
        raise ValueError(f"path must hold Parquet files, got the empty folder {shown(where)}")
    return dataset


class Parquet(ShuffledChunks):
    """What `parquet` returns: called, it yields chunks (X, Y) or (X, Y, sample_weight), row group after row group.

    Attributes
    ----------
    columns : list of str
        The names of the columns of X.
    rows : int
        How many rows all files have.
    """

    def __init__(
        self,
        dataset: Any,
        columns: list[str],
        targets: list[str],
        batch_rows: int,
        weight: str | None,
        classes: list[Any] | None,
        one: bool,
    ) -> None:
        self.columns, self.targets, self.batch_rows, self.weight = columns, targets, batch_rows, weight
        self._dataset, self._classes, self._one = dataset, classes, one
        self._read = list(dict.fromkeys([*columns, *targets, *([] if weight is None else [weight])]))
        files = list(dataset.get_fragments())
        self._check_types(dataset.schema, files)
        #: Row groups and how many rows they have, and by file and number the place of their first row in the file.
        self._groups: list[tuple[Any, int]] = []
        self._places: dict[tuple[str, int], int] = {}
        self.rows = 0
        for file in files:
            place = 0
            for group in file.split_by_row_group():
                (info,) = group.row_groups
                self._groups.append((group, info.num_rows))
                self._places[file.path, info.id] = place
                place += info.num_rows
            self.rows += place
        if self.rows == 0:
            raise ValueError(f"path must hold at least one row, got none in {len(files)} files")
        parts = columns, targets, weight, classes, batch_rows, [rows for _, rows in self._groups]
        self.fingerprint = zlib.crc32(repr(parts).encode())
        self._x_dtype = self._float_of(columns)
        self._y_dtype = self._target_dtype()

    def _check_types(self, schema: Any, files: list[Any]) -> None:
        """Raise an error if a column is missing or of a type that its place does not take."""
        ds = _extras.library("pyarrow.dataset", "arrow", "sn.sources.parquet")
        self._types = {}
        for name in self._read:
            argument = self._argument(name)
            if name not in schema.names:
                raise ValueError(f"{argument}: no column {shown(name)}; there are {shown(schema.names)}")
            if schema.names.count(name) > 1:
                raise ValueError(f"{argument}: {shown(name)} must be the name of one column, got several")
            kind = self._types[name] = _type_of_values(schema, name)
            if self._has_labels(name):
                self._labels = self._labels_of(name, kind)
            elif not _is_number(kind):
                remedy = "; classes=[…] numbers its labels" if argument == "target" and self._one else ""
                raise TypeError(f"{argument} must be numbers, got column {shown(name)} of type {kind}{remedy}")
        for file in files:
            has = {*file.physical_schema.names, *ds.get_partition_keys(file.partition_expression)}
            missing = [name for name in self._read if name not in has]
            if missing:
                raise ValueError(f"{self._argument(missing[0])}: {file.path} has no column {shown(missing[0])}")
            for name in self._read:
                if self._has_labels(name) or name not in file.physical_schema.names:
                    continue
                kind = _type_of_values(file.physical_schema, name)
                if not _is_number(kind):
                    found = f"column {shown(name)} of type {kind} in {file.path}"
                    raise TypeError(f"{self._argument(name)} must be numbers, got {found}")

    def _argument(self, name: str) -> str:
        """The argument that has named the column."""
        return "columns" if name in self.columns else "target" if name in self.targets else "weight"

    def _has_labels(self, name: str) -> bool:
        """Whether the column holds labels that `classes` numbers."""
        return self._classes is not None and name in self.targets

    def _labels_of(self, name: str, kind: Any) -> Any:
        """The labels as Arrow has those of the column."""
        pa = _pyarrow()
        try:
            return pa.array(self._classes, kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            raise TypeError(
                f"classes must be labels of column {shown(name)}, whose type is {kind}, got {shown(self._classes)}"
            ) from None

    def _float_of(self, names: list[str]) -> type[np.floating[Any]]:
        return np.float32 if all(str(self._types[name]) in _SHORT for name in names) else np.float64

    def _target_dtype(self) -> Any:
        """Of Y: one target of integers stays integers, which may be the numbers of classes."""
        kind = self._types[self.targets[0]]
        if self._classes is not None:
            return np.int64
        if self._one and (_pyarrow().types.is_integer(kind) or _pyarrow().types.is_boolean(kind)):
            return np.uint8 if _pyarrow().types.is_boolean(kind) else kind.to_pandas_dtype()
        return self._float_of(self.targets)

    def __repr__(self) -> str:
        return f"<{self.rows} rows of {len(self.columns)} columns in {len(self._groups)} row groups of Parquet files>"

    def __call__(self) -> Iterator[tuple[Array, ...]]:
        return self._chunks(self._groups)

    def shuffled(self, rng: Any) -> Iterator[tuple[Array, ...]]:
        return self._chunks([self._groups[i] for i in rng.permutation(len(self._groups))])

    def _chunks(self, groups: Iterable[tuple[Any, int]]) -> Iterator[tuple[Array, ...]]:
        """Chunks of `batch_rows` rows, and a last one with what is left, of the row groups in their order."""
        chunk, filled = self._empty(), 0
        for batch, file, place in self._batches(groups):
            first = 0
            while first < len(batch):
                part = batch.slice(first, self.batch_rows - filled)
                self._fill([array[filled : filled + len(part)] for array in chunk], part, file, place + first)
                first, filled = first + len(part), filled + len(part)
                if filled == self.batch_rows:
                    yield chunk
                    chunk, filled = self._empty(), 0
        if filled:
            yield tuple(array[:filled] for array in chunk)

    def _batches(self, groups: Iterable[tuple[Any, int]]) -> Iterator[tuple[Any, str, int]]:
        """Arrow's batches of rows, none longer than a chunk, the file of each and its place there."""
        ds = _extras.library("pyarrow.dataset", "arrow", "sn.sources.parquet")
        dataset = self._dataset
        for run in self._runs(groups):
            read: dict[tuple[str, int], int] = {}
            scanner = ds.FileSystemDataset(run, dataset.schema, dataset.format, dataset.filesystem).scanner(
                columns=self._read,
                batch_size=self.batch_rows,
                batch_readahead=1,
                fragment_readahead=1,
                fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False),
            )
            for tagged in scanner.scan_batches():
                group = tagged.fragment.path, tagged.fragment.row_groups[0].id
                before = read.get(group, 0)
                yield tagged.record_batch, group[0], self._places[group] + before
                read[group] = before + len(tagged.record_batch)

    def _runs(self, groups: Iterable[tuple[Any, int]]) -> Iterator[list[Any]]:
        """The row groups, one at a time or as many as make a chunk.

        However little is asked for ahead, a scanner decodes as much as a gigabyte of what it is given if that is used
        up more slowly.
        """
        run: list[Any] = []
        rows = 0
        for group, length in groups:
            if run and rows + length > self.batch_rows:
                yield run
                run, rows = [], 0
            run.append(group)
            rows += length
        yield run

    def _empty(self) -> tuple[Array, ...]:
        """A chunk's arrays."""
        m = self.batch_rows
        X = np.empty((m, len(self.columns)), self._x_dtype)
        Y = np.empty(m if self._one else (m, len(self.targets)), self._y_dtype)
        return (X, Y) if self.weight is None else (X, Y, np.empty(m))

    def _fill(self, chunk: list[Array], batch: Any, file: str, place: int) -> None:
        """Write the batch, whose first row has this place in the file, to the chunk's arrays."""
        for j, name in enumerate(self.columns):
            chunk[0][:, j] = self._values(batch, name, file, place)
        for j, name in enumerate(self.targets):
            column = chunk[1] if self._one else chunk[1][:, j]
            column[:] = self._numbers(batch, file, place) if self._classes else self._values(batch, name, file, place)
        if self.weight is not None:
            chunk[2][:] = self._values(batch, self.weight, file, place)

    def _values(self, batch: Any, name: str, file: str, place: int) -> Array:
        """The numbers of a column, all of them finite."""
        column = batch.column(name)
        if column.null_count:
            self._refuse(name, "no missing values, got null", int(np.argmax(column.is_null())), file, place)
        kind = self._types[name]
        if _pyarrow().types.is_decimal(kind) or column.type != kind:
            column = column.cast(_pyarrow().float64() if _pyarrow().types.is_decimal(kind) else kind)
        values: Array = column.to_numpy(zero_copy_only=False)
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                row = int(np.argmin(finite))
                self._refuse(name, f"finite numbers, got {values[row]}", row, file, place)
        return values

    def _numbers(self, batch: Any, file: str, place: int) -> Array:
        """The numbers of the classes whose labels the target has."""
        (name,) = self.targets
        column = batch.column(name)
        pc = _extras.library("pyarrow.compute", "arrow", "sn.sources.parquet")
        numbers = pc.index_in(column.cast(self._types[name]), value_set=self._labels)
        if numbers.null_count:
            row = int(np.argmax(numbers.is_null()))
            label = shown(column[row].as_py())
            self._refuse(name, f"labels of classes={shown(self._classes)}, got {label}", row, file, place)
        return numbers.to_numpy()  # type: ignore[no-any-return]

    def _refuse(self, name: str, wanted: str, row: int, file: str, place: int) -> None:
        raise ValueError(
            f"{self._argument(name)} must have {wanted} in column {shown(name)}, row {place + row} of {file}"
        )


def _type_of_values(schema: Any, name: str) -> Any:
    """The type of a column, or of what its categories are."""
    kind = schema.field(name).type
    return kind.value_type if _pyarrow().types.is_dictionary(kind) else kind


def _is_number(kind: Any) -> bool:
    types = _pyarrow().types
    checks = types.is_boolean, types.is_integer, types.is_floating, types.is_decimal
    return any(check(kind) for check in checks)


def _pyarrow() -> Any:
    return _extras.library("pyarrow", "arrow", "sn.sources.parquet")
