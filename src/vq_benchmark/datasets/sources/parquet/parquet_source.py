"""Vectors in parquet files, read forward in small pieces, so that row groups of any size stream in the same memory.

Arrow reads a column page by page when it is given a buffer and told not to prefetch; at most 4,096 rows are decoded
at a time. Rows before them in the same row group have to be decoded too, which is why
reads in ascending order are cheap, and why `gather` makes one pass.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE, as_vectors, decoding_bytes
from vq_benchmark.datasets.sources.parquet.row_index import RowIndex, row_index
from vq_benchmark.datasets.sources.parquet.vector_column import vector_column
from vq_benchmark.datasets.sources.vector_source import LeafSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.npy import read_array

PIECE_BYTES = 4 << 20
"""The size of a piece as float32, for wide vectors; PIECE_ROWS limits narrow ones."""
PIECE_ROWS = 4096
BUFFER_BYTES = 1 << 20
LEAST_BUFFER_BYTES = 1 << 14
"""For each of many columns."""
PAGE_BYTES = 1 << 20
"""The usual size of a page, which is decoded whole."""
ARROW_BYTES = 16 << 20
"""Memory that Arrow takes besides the piece, as measured."""
COSTLY_BYTES = 64 << 20
"""A sample is kept on disk if more than this has to be decoded for it, as float32."""


def piece_rows(index: RowIndex) -> int:
    """The number of rows that are decoded at a time."""
    return min(PIECE_ROWS, max(1, PIECE_BYTES // (max(4, index.value_bytes) * max(index.d, 1))))


class ParquetSource(LeafSource):
    """The vectors of some parquet files, one after another; it can be pickled, and reopens the files."""

    def __init__(self, paths: Sequence[Path], index: RowIndex, samples: Path | None = None) -> None:
        self._paths = tuple(paths)
        self.index = index
        self.samples = samples
        """A folder for costly samples, or None."""
        self._cursor: _Cursor | None = None

    @property
    def n(self) -> int:
        return self.index.n

    @property
    def d(self) -> int:
        return self.index.d

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.index.dtype

    @property
    def paths(self) -> tuple[Path, ...]:
        return self._paths

    @property
    def reading_bytes(self) -> int:
        return 0

    @property
    def held_bytes(self) -> int:
        """The piece as float32 plus three times its size in the file, as measured; and a page of each wide column."""
        largest = int(np.diff(self.index.edges).max(initial=0)) if self.index.is_wide else 0
        pages = self.d * min(largest * self.index.value_bytes, PAGE_BYTES)
        return piece_rows(self.index) * self.d * decoding_bytes(self.index.value_bytes) + ARROW_BYTES + pages

    @property
    def notes(self) -> tuple[str, ...]:
        return self.index.notes

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cursor": None}

    def read(self, start: int, stop: int) -> FloatArray:
        out = np.empty((stop - start, self.d), dtype=np.float32)
        row = start
        while row < stop:
            cursor = self._cursor_at(row)
            piece = cursor.piece[row - cursor.first : stop - cursor.first]
            out[row - start : row - start + len(piece)] = piece
            row += len(piece)
        return out

    def gather(self, rows: IdArray, *, gap: int, keep: bool) -> FloatArray:
        """One pass over the row groups of the rows, whatever `gap` is.

        With `keep` a sample that is costly to gather is kept on disk for the next time.
        """
        kept = self._kept_sample(rows) if keep else None
        if kept is not None and kept.is_file():
            with suppress(ValueError, OSError):  # damaged: gather it again
                with kept.open("rb") as file:
                    sample = read_array(file, kept.stat().st_size, f"the sample {str(kept)!r}")
                if sample.shape == (len(rows), self.d) and sample.dtype == np.float32:
                    return np.asarray(sample)
        out = np.empty((len(rows), self.d), dtype=np.float32)
        done = 0
        while done < len(rows):
            cursor = self._cursor_at(int(rows[done]))
            upto = int(np.searchsorted(rows, cursor.first + len(cursor.piece)))
            out[done:upto] = cursor.piece[rows[done:upto] - cursor.first]
            done = upto
        if kept is not None:
            # the sample is only a cache: a full or read-only disk must not stop the run
            with suppress(InputError), atomic_write(kept) as file:
                np.save(file, out, allow_pickle=False)
        return out

    def _kept_sample(self, rows: IdArray) -> Path | None:
        if self.samples is None or not len(rows):
            return None
        starts = self.index.edges[np.searchsorted(self.index.edges, rows, side="right") - 1]
        last_of_group = np.append(np.diff(starts) > 0, True)
        decoded = int((rows - starts + 1)[last_of_group].sum())
        if 4 * self.d * decoded < COSTLY_BYTES:
            return None
        of_rows = hashlib.blake2b(np.ascontiguousarray(rows).tobytes(), digest_size=8).hexdigest()
        return self.samples / f"{self.index.identity}-{of_rows}.npy"

    def _cursor_at(self, row: int) -> "_Cursor":
        """A cursor whose piece holds the row: the current one, moved forward, or a new one at the row's group."""
        group = self.index.group_of(row)
        cursor = self._cursor
        if cursor is None or not cursor.leads_to(row, int(self.index.edges[group])):
            self._cursor = None  # two pieces at once would double the memory
            file = self.index.file_of(group)
            metadata = None if cursor is None or cursor.file != file else cursor.metadata
            cursor = _Cursor(self.paths[file], self.index, file, group, metadata)
            self._cursor = cursor
        cursor.move_to(row)
        return cursor


class _Cursor:
    """A position in one file: the last decoded piece, and the batches after it."""

    def __init__(
        self, path: Path, index: RowIndex, file: int, group: int, metadata: "pq.FileMetaData | None"
    ) -> None:
        self.path, self.index, self.file = path, index, file
        buffer = max(BUFFER_BYTES // index.d, LEAST_BUFFER_BYTES) if index.is_wide else BUFFER_BYTES
        with reading(path, *DAMAGE):
            opened = pq.ParquetFile(path, metadata=metadata, buffer_size=buffer, pre_buffer=False)
            self.vectors = vector_column(path, opened.schema_arrow, index.column)
        self.metadata = opened.metadata
        self._start_of_file = index.first_row_of(file)
        self.stop = index.first_row_of(file + 1)
        self.first = int(index.edges[group])
        self.piece: FloatArray = np.empty((0, index.d), dtype=np.float32)
        first_group, after = int(index.first_groups[file]), int(index.first_groups[file + 1])
        groups = range(group - first_group, after - first_group)
        self._batches: Iterator[pa.RecordBatch] = opened.iter_batches(
            piece_rows(index), row_groups=groups, columns=list(self.vectors.columns), use_threads=False
        )

    def leads_to(self, row: int, start_of_group: int) -> bool:
        """Whether moving forward from here is the shortest way to a row."""
        return self.first <= row < self.stop and start_of_group <= self.first + len(self.piece)

    def move_to(self, row: int) -> None:
        """Decode pieces until one holds the row.

        Raises:
            InputError: the file cannot be read or was truncated, or a row is not a vector of the right dimension.
        """
        while row >= self.first + len(self.piece):
            self.first += len(self.piece)
            with reading(self.path, *DAMAGE):
                batch = next(self._batches, None)
                if batch is None:
                    raise InputError(
                        f"{str(self.path)!r} was truncated after it was opened: it ends before row {self.first}."
                    )
                in_file = self.first - self._start_of_file
                lists = self.vectors.lists(batch, self.path, in_file)
                self.piece = as_vectors(self.path, self.index.column, lists, self.index.d, in_file)


def open_parquet(paths: Sequence[Path], column: str | None, cache: Path | None = None) -> ParquetSource:
    """The vectors of some parquet files, one after another, as one source.

    The index of the rows and costly samples are kept in the folder `cache`, if it is given.

    Raises:
        InputError: as `row_index`.
    """
    index = row_index(paths, column, None if cache is None else cache / "row-index")
    return ParquetSource(paths, index, None if cache is None else cache / "samples")
