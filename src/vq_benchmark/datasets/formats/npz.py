"""NumPy's .npz: a zip archive of .npy members.

A member that is stored as it is (numpy.savez) is read by row range where it lies in the archive. A compressed one
(numpy.savez_compressed) can only be read from its beginning: it is decompressed once, into memory, in its own dtype.
"""

import struct
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.formats.format import (
    BASE_NAMES,
    LEARN_NAMES,
    NEIGHBOR_NAMES,
    QUERY_NAMES,
    Format,
    as_ids,
    require_matrix,
    require_vector_dtype,
)
from vq_benchmark.datasets.formats.npy import read_rows_at
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.file_rows import FileRowsSource
from vq_benchmark.datasets.sources.vector_source import ArraySource, VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.npy import ZIP_DAMAGE, read_header, read_member

LOCAL_HEADER = struct.Struct("<26x2H")  # of its 30 bytes only the lengths of the name and of the extra field matter


def open_vectors(path: Path, column: str | None) -> VectorSource:
    """The member `column`, or the first of the usual names, or the first matrix of numbers."""
    members = _members(path)
    if column is not None:
        if column not in members:
            raise InputError(f"{str(path)!r} has no member {column!r}; its members are {', '.join(members)}.")
        return _open_member(path, members[column])
    named = _first_named(members, BASE_NAMES)
    if named is not None:
        return _open_member(path, named)
    for member in members.values():
        shape, dtype = _shape_and_dtype(path, member)
        if len(shape) == 2 and dtype.kind in "iuf":
            return _open_member(path, member)
    raise InputError(f"{str(path)!r} holds no matrix (n, d) of numbers; its members are {', '.join(members)}.")


def open_dataset(path: Path, column: str | None) -> RawDataset:
    members = _members(path)
    queries, learn = _first_named(members, QUERY_NAMES), _first_named(members, LEARN_NAMES)
    neighbors = _first_named(members, NEIGHBOR_NAMES)
    return RawDataset(
        base=open_vectors(path, column),
        queries=_open_member(path, queries) if queries else None,
        learn=_open_member(path, learn) if learn else None,
        neighbors=as_ids(path, _load(path, neighbors)) if neighbors else None,
    )


def read_ids(path: Path) -> IdArray:
    members = _members(path)
    member = _first_named(members, NEIGHBOR_NAMES)
    if member is None:
        raise InputError(f"{str(path)!r} has no member named {' or '.join(NEIGHBOR_NAMES)}.")
    return as_ids(path, _load(path, member))


def _members(path: Path) -> dict[str, ZipInfo]:
    with reading(path, *ZIP_DAMAGE), ZipFile(path) as archive:
        for info in archive.infolist():
            archive.open(info).close()  # the directory has no sum: a damaged name would lose a part without a word
        infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    return {info.filename.removesuffix(".npy"): info for info in infos}


def _first_named(members: dict[str, ZipInfo], names: tuple[str, ...]) -> ZipInfo | None:
    return next((members[name] for name in names if name in members), None)


def _shape_and_dtype(path: Path, member: ZipInfo) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    with reading(path, *ZIP_DAMAGE), ZipFile(path) as archive, archive.open(member) as file:
        header = read_header(file)  # type: ignore[arg-type]
    return header.shape, header.dtype


def _open_member(path: Path, member: ZipInfo) -> VectorSource:
    source: VectorSource
    if member.compress_type == ZIP_STORED:
        source = _open_stored(path, member)
    else:
        array = _load(path, member)
        require_matrix(path, array.shape)
        source = ArraySource(array, (path,))
    require_vector_dtype(path, source.dtype)
    return source


def _open_stored(path: Path, member: ZipInfo) -> FileRowsSource:
    with reading(path, *ZIP_DAMAGE), path.open("rb") as file:
        file.seek(member.header_offset)
        name_bytes, extra_bytes = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        file.seek(name_bytes + extra_bytes, 1)
        if file.tell() + member.file_size > path.stat().st_size:
            raise InputError(f"{str(path)!r} is truncated: it ends before its member {member.filename!r} does.")
        return read_rows_at(path, file, member.file_size)


def _load(path: Path, member: ZipInfo) -> Array:
    what = f"{member.filename!r} of {str(path)!r}, which is compressed and so read whole,"
    with reading(path, *ZIP_DAMAGE), ZipFile(path) as archive:
        return read_member(archive, member, what)


FORMAT = Format(
    extensions=(".npz",),
    description="NumPy archive; base, queries, learn and neighbors by the names of its members",
    open_vectors=open_vectors,
    has_columns=True,
    open_dataset=open_dataset,
    read_ids=read_ids,
)
