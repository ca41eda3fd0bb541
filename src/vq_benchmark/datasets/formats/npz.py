"""NumPy's .npz: a zip archive of .npy members.

An uncompressed member (numpy.savez) is read by row range inside the archive. A compressed one
(numpy.savez_compressed) can only be read from its beginning: it is decompressed into memory, in its own dtype, when a
row of it is read.
"""

import struct
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.formats.format import Format, require_matrix, vector_type
from vq_benchmark.datasets.formats.named_arrays import Facts, NamedArrays
from vq_benchmark.datasets.formats.npy import as_vectors, read_rows_at
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.file_rows import FileRowsSource
from vq_benchmark.datasets.sources.number_types import NumberType, as_float32
from vq_benchmark.datasets.sources.vector_source import LeafSource, VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.memory import require_memory
from vq_benchmark.machine.npy import ZIP_DAMAGE, NpyHeader, read_header, read_member

LOCAL_HEADER = struct.Struct("<26x2H")  # only the lengths of the name and of the extra field are needed


class _Members(NamedArrays[ZipInfo]):
    """The .npy members of an archive."""

    kind = "member"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with reading(path, *ZIP_DAMAGE), ZipFile(path) as archive:
            for info in archive.infolist():
                archive.open(info).close()  # the directory has no checksum: a damaged name would silently drop a part
            infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        self._members = {info.filename.removesuffix(".npy"): info for info in infos}

    def names(self) -> list[str]:
        return list(self._members)

    def get(self, name: str) -> ZipInfo | None:
        return self._members.get(name)

    def facts(self, array: ZipInfo) -> Facts:
        header = _header(self.path, array)
        return Facts(header.shape, header.dtype)

    def open(self, array: ZipInfo) -> VectorSource:
        if array.compress_type == ZIP_STORED:
            return as_vectors(_open_stored(self.path, array))
        header = _header(self.path, array)
        n, d = require_matrix(self.path, header.shape)
        dtype, notes = vector_type(self.path, header.dtype)
        require_memory(array.file_size, _whole(self.path, array))
        return CompressedSource(self.path, array, n, d, dtype, notes)

    def load(self, array: ZipInfo) -> Array:
        return _load(self.path, array)


class CompressedSource(LeafSource):
    """The rows of a compressed member, which is in memory from the first read until it is released."""

    def __init__(
        self, path: Path, member: ZipInfo, n: int, d: int, dtype: NumberType, notes: tuple[str, ...]
    ) -> None:
        self.path, self.member, self.n, self.d, self.dtype = path, member, n, d, dtype
        self._notes = notes
        self._values: Array | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    @property
    def held_bytes(self) -> int:
        return self.n * self.d * self.dtype.itemsize

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_values": None}

    def release(self) -> None:
        self._values = None

    def read(self, start: int, stop: int) -> FloatArray:
        if self._values is None:
            values = _load(self.path, self.member)
            if values.shape != (self.n, self.d):
                raise InputError(f"{str(self.path)!r} changed after it was opened.")
            self._values = values.view(self.dtype) if self.dtype.names else values
        return as_float32(self._values[start:stop], self.path, start)


def open_vectors(path: Path, column: str | None) -> VectorSource:
    """The member `column`, or the one that is named as a base, or the only matrix of numbers."""
    return _Members(path).base(column)


def open_dataset(path: Path, column: str | None) -> RawDataset:
    return _Members(path).dataset(column)


def read_ids(path: Path) -> IdArray:
    return _Members(path).ids()


def _whole(path: Path, member: ZipInfo) -> str:
    return f"{member.filename!r} of {str(path)!r}, which is compressed and so read whole,"


def _load(path: Path, member: ZipInfo) -> Array:
    with reading(path, *ZIP_DAMAGE), ZipFile(path) as archive:
        return read_member(archive, member, _whole(path, member))


def _header(path: Path, member: ZipInfo) -> NpyHeader:
    with reading(path, *ZIP_DAMAGE), ZipFile(path) as archive, archive.open(member) as file:
        return read_header(file)  # type: ignore[arg-type]


def _open_stored(path: Path, member: ZipInfo) -> FileRowsSource:
    with reading(path, *ZIP_DAMAGE), path.open("rb") as file:
        file.seek(member.header_offset)
        name_bytes, extra_bytes = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        file.seek(name_bytes + extra_bytes, 1)
        if file.tell() + member.file_size > path.stat().st_size:
            raise InputError(f"{str(path)!r} is truncated: it ends inside its member {member.filename!r}.")
        return read_rows_at(path, file, member.file_size)


FORMAT = Format(
    extensions=(".npz",),
    description="NumPy archive; base, queries, learn and neighbors by the names of its members",
    open_vectors=open_vectors,
    has_columns=True,
    open_dataset=open_dataset,
    read_ids=read_ids,
)
