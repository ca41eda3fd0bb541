"""safetensors: the length of a JSON header, the header (name, dtype, shape and place of each tensor), the tensors."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.formats.format import Format, require_matrix, require_vector_dtype
from vq_benchmark.datasets.formats.named_arrays import Facts, NamedArrays
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.file_rows import FileRowsSource
from vq_benchmark.datasets.sources.number_types import BFLOAT16, FLOAT8, NumberType
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import parsed_json
from vq_benchmark.machine.memory import require_memory

LENGTH_BYTES = 8
LONGEST_HEADER = 100_000_000
"""As in the format's own library."""
METADATA = "__metadata__"
TYPES: dict[str, NumberType] = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": BFLOAT16,
    "F8_E4M3": FLOAT8["float8_e4m3fn"], "F8_E5M2": FLOAT8["float8_e5m2"],
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"), "U32": np.dtype("<u4"), "U16": np.dtype("<u2"), "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}  # fmt: skip


class _Tensors(NamedArrays[str]):
    """The tensors of a file; their own names stand for them."""

    kind = "tensor"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        size = path.stat().st_size
        with reading(path, ValueError, what="safetensors"), path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if not 2 <= length <= min(size - LENGTH_BYTES, LONGEST_HEADER):
                raise InputError(
                    f"{str(path)!r} is truncated or no safetensors file: its header would be {length} bytes."
                )
            header = parsed_json(file.read(length))
        if not isinstance(header, dict):
            raise InputError(f"{str(path)!r} is no safetensors file: its header is not a JSON object.")
        self._start = LENGTH_BYTES + length
        self._tensors = {name: facts for name, facts in header.items() if name != METADATA}
        for name in self._tensors:
            self._require_stored(name, size)

    def names(self) -> list[str]:
        return list(self._tensors)

    def get(self, name: str) -> str | None:
        return name if name in self._tensors else None

    def facts(self, array: str) -> Facts:
        facts = self._tensors[array]
        return Facts(tuple(facts["shape"]), TYPES.get(facts["dtype"], np.dtype("O")))

    def open(self, array: str) -> VectorSource:
        return self._rows(array)

    def load(self, array: str) -> Array:
        rows = self._rows(array)
        require_memory(rows.n * rows.d * rows.dtype.itemsize, f"{array!r} of {str(self.path)!r}")
        return rows.read_stored(0, rows.n)

    def _rows(self, name: str) -> FileRowsSource:
        facts = self.facts(name)
        if facts.dtype.kind == "O":
            raise InputError(
                f"{str(self.path)!r}: {name!r} holds {self._tensors[name]['dtype']} values, which are not read."
            )
        n, d = require_matrix(self.path, facts.shape)
        require_vector_dtype(self.path, facts.dtype)
        return FileRowsSource(self.path, self._start + self._tensors[name]["data_offsets"][0], n, d, facts.dtype)

    def _require_stored(self, name: str, size: int) -> None:
        """Raises InputError unless the header describes the tensor, and its values are in the file."""
        facts = self._tensors[name]
        shape, place = _whole_numbers(facts, "shape"), _whole_numbers(facts, "data_offsets")
        if shape is None or place is None or len(place) != 2 or not isinstance(facts.get("dtype"), str):
            raise InputError(f"{str(self.path)!r} is damaged: its header does not describe {name!r}.")
        dtype = TYPES.get(facts["dtype"])
        expected = None if dtype is None else dtype.itemsize * math.prod(shape)
        stored = place[1] - place[0]
        if stored < 0 or self._start + place[1] > size or expected not in (None, stored):
            raise InputError(
                f"{str(self.path)!r} is damaged or truncated: {name!r} has {stored} bytes in it, not {expected}."
            )


def _whole_numbers(facts: Any, key: str) -> list[int] | None:
    found = facts.get(key) if isinstance(facts, dict) else None
    if not isinstance(found, list) or not all(type(each) is int and each >= 0 for each in found):
        return None
    return found


def open_vectors(path: Path, column: str | None) -> VectorSource:
    """The tensor `column`, or the one that is named as a base, or the only matrix of numbers."""
    return _Tensors(path).base(column)


def open_dataset(path: Path, column: str | None) -> RawDataset:
    return _Tensors(path).dataset(column)


def read_ids(path: Path) -> IdArray:
    return _Tensors(path).ids()


FORMAT = Format(
    extensions=(".safetensors",),
    description="safetensors; base, queries, learn and neighbors by the names of its tensors",
    open_vectors=open_vectors,
    has_columns=True,
    open_dataset=open_dataset,
    read_ids=read_ids,
)
