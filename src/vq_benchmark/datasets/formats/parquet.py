"""Parquet with a column of vectors; see `vq_benchmark.datasets.sources.parquet` for how it is read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.formats.format import Format, VectorBlocks, as_ids
from vq_benchmark.datasets.formats.named_arrays import neighbors_name, no_array
from vq_benchmark.datasets.parts.origins import Origin, shown
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.parquet.columns import (
    DAMAGE,
    as_matrix,
    first_length,
    list_columns,
    whole_column,
)
from vq_benchmark.datasets.sources.parquet.parquet_source import ParquetSource, open_parquet
from vq_benchmark.datasets.sources.parquet.vector_column import column_origins
from vq_benchmark.machine.damage import reading

WRITABLE = ("float32", "float16", "float64")


def open_vectors(path: Path, column: str | None) -> ParquetSource:
    """The column of that name, or the one that is named as a base, or the only one that can hold vectors."""
    return open_parquet([path], column)


def open_many(paths: Sequence[Path], column: str | None, cache: Path | None) -> RawDataset:
    """The vectors of some files; the columns of the first speak for all."""
    source = open_parquet(paths, column, cache)
    return RawDataset(source, origins=origins_of(paths[0], column, shown(paths, paths[0].parent)))


def origins_of(path: Path, column: str | None, where: str) -> tuple[Origin, ...]:
    """Which column of a file is the base, and what becomes of others; `where` is what messages call the file."""
    with reading(path, *DAMAGE), pq.ParquetFile(path, pre_buffer=False) as file:
        found = column_origins(path, file.schema_arrow, column)
    return tuple(replace(each, name=f"{each.name!r} in {where}") for each in found)


def read_ids(path: Path) -> IdArray:
    with reading(path, *DAMAGE), pq.ParquetFile(path, pre_buffer=False) as file:
        columns = list_columns(file.schema_arrow)
        integers = [name for name in columns if pa.types.is_integer(file.schema_arrow.field(name).type.value_type)]
        name = neighbors_name(path, columns, integers)
        if name is None:
            raise no_array(path, "column of lists of row numbers, such as neighbors or ids", columns)
        lists = whole_column(path, file, name)
        return as_ids(path, as_matrix(path, name, lists, first_length(lists)))


def write(file: BinaryIO, vectors: VectorBlocks) -> None:
    """A column `emb` of fixed-size lists; a row group per block."""
    element = pa.from_numpy_dtype(vectors.dtype)
    schema = pa.schema([("emb", pa.list_(element, vectors.d))])
    with pq.ParquetWriter(file, schema) as writer:
        for block in vectors.blocks:
            column = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel(), type=element), vectors.d)
            writer.write_table(pa.table([column], schema=schema))


FORMAT = Format(
    extensions=(".parquet",),
    description="Parquet with a column of vectors",
    open_vectors=open_vectors,
    has_columns=True,
    open_many=open_many,
    read_ids=read_ids,
    writable_dtypes=lambda extension: WRITABLE,
    write=write,
)
