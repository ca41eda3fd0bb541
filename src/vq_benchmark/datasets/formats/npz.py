"""NumPy's .npz: a zip archive of .npy members.

An uncompressed member (numpy.savez) is read by row range inside the archive. A compressed one
(numpy.savez_compressed) can only be read from its beginning: it is decompressed once, into memory, in its own dtype.
"""

import struct
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.formats.format import Format, require_matrix, require_vector_dtype
from vq_benchmark.datasets.formats.named_arrays import Facts, NamedArrays
from vq_benchmark.datasets.formats.npy import read_rows_at
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.file_rows import FileRowsSource
from vq_benchmark.datasets.sources.vector_source import ArraySource, VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.npy import ZIP_DAMAGE, read_header, read_member

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
        with reading(self.path, *ZIP_DAMAGE), ZipFile(self.path) as archive, archive.open(array) as file:
            header = read_header(file)  # type: ignore[arg-type]
        return Facts(header.shape, header.dtype)

    def open(self, array: ZipInfo) -> VectorSource:
        source: VectorSource
        if array.compress_type == ZIP_STORED:
            source = _open_stored(self.path, array)
        else:
            values = self.load(array)
            require_matrix(self.path, values.shape)
            source = ArraySource(values, (self.path,))
        require_vector_dtype(self.path, source.dtype)
        return source

    def load(self, array: ZipInfo) -> Array:
        what = f"{array.filename!r} of {str(self.path)!r}, which is compressed and so read whole,"
        with reading(self.path, *ZIP_DAMAGE), ZipFile(self.path) as archive:
            return read_member(archive, array, what)


def open_vectors(path: Path, column: str | None) -> VectorSource:
    """The member `column`, or the one that is named as a base, or the only matrix of numbers."""
    return _Members(path).base(column)


def open_dataset(path: Path, column: str | None) -> RawDataset:
    return _Members(path).dataset(column)


def read_ids(path: Path) -> IdArray:
    return _Members(path).ids()


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
