"""Arrow's IPC format: .arrow and .feather files, and the folders that `save_to_disk` of Hugging Face writes."""

from dataclasses import replace
from pathlib import Path

from vq_benchmark.datasets.formats.format import Format
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.arrow_source import ArrowSource, schema_of
from vq_benchmark.datasets.sources.parquet.vector_column import column_origins


def open_vectors(path: Path, column: str | None) -> ArrowSource:
    """The column of that name, or the one that is named as a base, or the only one that can hold vectors."""
    return ArrowSource(path, column)


def open_dataset(path: Path, column: str | None) -> RawDataset:
    """The vectors, and which column they are."""
    source = open_vectors(path, column)
    found = column_origins(path, schema_of(path), column)
    return RawDataset(source, origins=tuple(replace(each, name=f"{each.name!r} in {path.name}") for each in found))


FORMAT = Format(
    extensions=(".arrow", ".feather"),
    description="Arrow IPC with a column of vectors; save_to_disk of Hugging Face",
    open_vectors=open_vectors,
    has_columns=True,
    open_dataset=open_dataset,
)
