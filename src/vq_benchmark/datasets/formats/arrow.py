"""Arrow's IPC format: .arrow and .feather files, and the folders that `save_to_disk` of Hugging Face writes."""

from pathlib import Path

from vq_benchmark.datasets.formats.format import Format
from vq_benchmark.datasets.sources.arrow_source import ArrowSource


def open_vectors(path: Path, column: str | None) -> ArrowSource:
    """The column of that name, or the one that is named as a base, or the only column of lists of floats."""
    return ArrowSource(path, column)


FORMAT = Format(
    extensions=(".arrow", ".feather"),
    description="Arrow IPC with a column of lists of numbers; save_to_disk of Hugging Face",
    open_vectors=open_vectors,
    has_columns=True,
)
