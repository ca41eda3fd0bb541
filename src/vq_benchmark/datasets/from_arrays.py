"""Vectors that a Python caller has in memory, as a data set or as the queries of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vq_benchmark.datasets.formats.format import VECTOR_DTYPES
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.resolving import Resolved
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError

DEFAULT_NAME = "array"
"""What results call a data set that has no name of its own."""


def holds_vectors(value: Any) -> bool:
    """Whether a value is an array, or what numpy makes one of, and not the name of a data set or paths of files."""
    if isinstance(value, str | Path):
        return False
    listed = isinstance(value, Sequence) and len(value) > 0 and not isinstance(value[0], str | Path)
    return listed or hasattr(value, "__array__")


def array_dataset(base: Any) -> Resolved:
    """The data set of an array (n, d)."""

    def opened(options: LoadOptions) -> RawDataset:
        if options.column is not None:
            raise InputError(f"vector_column is {options.column!r}, but an array has no columns to choose from.")
        return RawDataset(array_source(base, "base"))

    return Resolved(DEFAULT_NAME, opened)


def array_source(vectors: Any, what: str) -> ArraySource:
    """The rows of an array (n, d), or of what numpy makes one of; numpy arrays are not copied.

    Raises:
        InputError: it is not a matrix, or not of a dtype that vectors may have.
    """
    try:
        array = np.asarray(vectors)
    except (ValueError, TypeError) as error:  # rows of different lengths, a tensor on a GPU
        raise InputError(f"the {what} vectors cannot be read as an array: {str(error).rstrip('.')}.") from error
    if array.ndim != 2:
        raise InputError(f"the {what} array has shape {array.shape}; vectors need the shape (n, d).")
    if array.dtype.name not in VECTOR_DTYPES:
        raise InputError(
            f"the {what} array holds {array.dtype} values; convert it to one of {', '.join(VECTOR_DTYPES)}."
        )
    return ArraySource(array)
