"""A file of text with a delimiter, as columns of cells: by pyarrow where it is installed, otherwise by the csv module.

Both give the same cells. The csv module also reads what holds quotes, and what pyarrow refuses, since its errors have a
line.
"""

import contextlib
import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from shallownet_c._checks._validation import shown
from shallownet_c._command._cells import ArrowCells, TextCells
from shallownet_c._command._input import InputError, open_regular

#: In the order in which they are tried; a comma may also be a decimal comma, and so comes last.
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
#: Rows by which the delimiter is found, and cells that are text of their own at a time.
SAMPLE, PIECE = 50, 1 << 14
#: Columns of a table, and bytes of a cell that pyarrow reads: the csv module's own limit is as many characters.
MOST_COLUMNS, LONGEST = 1 << 16, 1 << 17

#: The first bytes of other files that are given the name of a text.
OTHER_KINDS = {
    b"PK\x03\x04": "a zip file or a spreadsheet: unpack it, or save the sheet as CSV",
    b"\x1f\x8b": "a file of gzip: unpack it",
    b"PAR1": "a Parquet file: let its name end in .parquet",
    b"ARROW1": "a Feather file: let its name end in .feather",
}

Rows = Iterator[list[str]]


class CsvFile:
    """The cells of the first row, and those of all other rows as columns."""

    def __init__(self, source: str, delimiter: str | None) -> None:
        self.source = source
        with open_regular(source) as file:
            self.data = file.read()
        kind = next((kind for magic, kind in OTHER_KINDS.items() if self.data.startswith(magic)), None)
        if kind is not None:
            raise InputError(f"{source} is no text but {kind}")
        if b"\0" in self.data:
            encoding = ": it may be UTF-16, save it as UTF-8" if self.data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
            raise InputError(f"{source} is not UTF-8 text: it holds a byte that is zero{encoding}")
        self.delimiter = delimiter or self._found()
        first = next(self._rows(), None)
        if first is None:
            raise InputError(f"{source} has no rows of data")
        if len(first) > MOST_COLUMNS:
            raise InputError(
                f"{source} has {len(first)} columns, and a table may have {MOST_COLUMNS}: use an .npz file"
            )
        self.first = [cell.strip() for cell in first]
        # They differ in what is wrong with quotes, which pyarrow takes without a word.
        columns = self._by_pyarrow() if b'"' not in self.data and self.delimiter != " " else None
        self.columns: Sequence[TextCells | ArrowCells] = self._by_csv() if columns is None else columns

    def line(self, row: int) -> int:
        """The number of the line in which a row begins, the first of the file's rows being 0."""
        reader = self._reader()
        lines = (line for line, cells in _numbered(reader) if cells)
        return next(itertools.islice(lines, row, None))

    @property
    def separators(self) -> str:
        """What messages call the delimiter."""
        return (DELIMITERS | {" ": "spaces"}).get(self.delimiter, shown(self.delimiter))

    def _found(self) -> str:
        """The delimiter that cuts all of the first rows into equally many cells, or occurs most often in the first."""
        counts = {}
        for delimiter in DELIMITERS:
            self.delimiter = delimiter
            widths: list[int] = []
            with contextlib.suppress(InputError):  # of a wrong delimiter, perhaps; of the one found it comes again
                widths.extend(len(row) for row in itertools.islice(self._rows(), SAMPLE))
                if widths and widths[0] > 1 and len(set(widths)) == 1:
                    return delimiter
            counts[delimiter] = widths[0] if widths else 0
        return max(reversed(DELIMITERS), key=counts.__getitem__)

    def _reader(self) -> Any:
        text = io.TextIOWrapper(io.BytesIO(self.data), encoding="utf-8-sig", newline="")
        # Several spaces are one delimiter: with columns set out by spaces, they would be blank cells.
        return csv.reader(text, delimiter=self.delimiter, skipinitialspace=self.delimiter == " ", strict=True)

    def _rows(self) -> Rows:
        """All rows that are not blank."""
        reader = self._reader()
        try:
            yield from filter(None, reader)
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, self._bad_byte(error)) + 1
            raise InputError(
                f"{self.source} is not UTF-8 text: line {line} holds the byte {error.object[error.start]:#x}: save the "
                f"table as UTF-8 (in Excel as CSV UTF-8)"
            ) from None
        except csv.Error as error:
            said = str(error)
            if "unexpected end" in said:
                said = "a quote is not closed in the row that begins here"
            elif "field limit" in said:
                said = f"a cell has more than {csv.field_size_limit()} characters: perhaps a quote is not closed"
            raise InputError(f"{self.source}: line {self._bad_line()}: {said}") from None

    def _bad_line(self) -> int:
        """The line in which the row begins that cannot be read."""
        reader, line = self._reader(), 1
        with contextlib.suppress(csv.Error):
            for _ in reader:
                line = reader.line_num + 1
        return line

    def _bad_byte(self, error: UnicodeDecodeError) -> int:
        """Where it stands in the file, since a reader decodes by pieces."""
        try:
            self.data.decode("utf-8-sig")
        except UnicodeDecodeError as whole:
            return whole.start
        return error.start

    def _by_pyarrow(self) -> list[ArrowCells] | None:
        try:
            import pyarrow as pa
            from pyarrow import compute
            from pyarrow import csv as arrow_csv
        except ImportError:
            return None
        names = list(map(str, range(len(self.first))))
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(self.data.removeprefix(b"\xef\xbb\xbf")),
                read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False),
                parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter, quote_char=False),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None
        longest = (compute.max(compute.binary_length(column)).as_py() for column in table.columns)
        if any(length is not None and length >= LONGEST for length in longest):
            return None
        return [ArrowCells(column, without_first=True) for column in table.columns]

    def _by_csv(self) -> list[TextCells]:
        columns = [TextCells() for _ in self.first]
        rows = enumerate(self._rows())
        next(rows)
        size = max(1, PIECE // len(columns))
        while piece := list(itertools.islice(rows, size)):
            for i, row in piece:
                if len(row) != len(columns):
                    title = "; delete what stands above the columns' names" if i == 1 and len(columns) < 3 else ""
                    raise InputError(
                        f"{self.source}: line {self.line(i)} has {len(row)} columns, the first line {len(columns)}; "
                        f"{self.separators} separate them, and --delimiter names another separator{title}"
                    )
            for column, cells in zip(columns, zip(*(row for _, row in piece), strict=True), strict=True):
                column.add(cells)
        return columns


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows of a csv.reader, each with the number of the line in which it begins."""
    line = 1
    for row in reader:
        yield line, row
        line = reader.line_num + 1
