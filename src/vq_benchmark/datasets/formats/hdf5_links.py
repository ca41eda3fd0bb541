"""Data sets stored in an HDF5 file itself: links inside the file are followed, links to other files are refused.

HDF5 reads any file that an external link, external storage or a virtual data set names, with the rights of the user.
"""

from math import prod
from pathlib import Path

import h5py
import numpy as np

from vq_benchmark.arrays import Array
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import require_memory

MAX_LINKS = 32
"""The most links followed for one name; more are taken for a loop."""
THIS_FILE = "."
"""How a virtual data set refers to its own file."""


def dataset_at(path: Path, file: h5py.File, name: str) -> h5py.Dataset | None:
    """The data set of that name, with all its values in the file; None if there is none.

    Raises:
        InputError: its name leads through a link to another file, or its links form a loop.
    """
    found = _target(path, file, name, MAX_LINKS)
    if not isinstance(found, h5py.Dataset):
        return None
    _require_inside(path, file, found, MAX_LINKS)
    return found


def require_stored(path: Path, data: h5py.Dataset) -> None:
    """Refuse a data set whose shape claims more than the file holds, or whose chunks do not fit into memory.

    Raises:
        InputError: as above; HDF5 would read missing values as zeros.
    """
    name, size = data.name, prod(data.shape) * data.dtype.itemsize
    if data.is_virtual:
        return
    if data.chunks is None:
        stored = data.id.get_storage_size()
        if stored < size:
            raise InputError(
                f"{str(path)!r}: {name!r} is truncated: {data.shape} {data.dtype} values need {size} bytes, but it "
                f"has {stored}."
            )
        return
    wanted = prod(-(-length // chunk) for length, chunk in zip(data.shape, data.chunks, strict=True))
    if wanted > path.stat().st_size or data.id.get_num_chunks() < wanted:
        raise InputError(f"{str(path)!r}: {name!r} is incomplete: some of its {wanted} chunks are missing.")
    chunk_bytes = prod(data.chunks) * data.dtype.itemsize
    copies = 2 if data.id.get_create_plist().get_nfilters() else 1
    require_memory(
        copies * chunk_bytes, f"a chunk of {data.chunks} values of {name!r} in {str(path)!r}, which is read whole,"
    )


def read_whole(path: Path, data: h5py.Dataset) -> Array:
    """All values; InputError if they do not fit into memory or are not all in the file."""
    require_stored(path, data)
    require_memory(prod(data.shape) * data.dtype.itemsize, f"{data.name!r} of {str(path)!r}, which is read whole,")
    return np.asarray(data[...])


def _target(path: Path, file: h5py.File, name: str, links: int) -> object:
    """The object that a name refers to after all links; None if there is none."""
    place: object = file
    parts = [part for part in name.split("/") if part not in ("", ".")]
    for number, part in enumerate(parts):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        match link:
            case None:
                return None
            case h5py.ExternalLink():
                raise _outside(path, part, f"a link to {link.path!r} of the file {link.filename!r}")
            case h5py.SoftLink():
                if not links:
                    raise InputError(f"{str(path)!r}: {part!r} is a link that leads to itself.")
                above = "" if link.path.startswith("/") else "/".join(parts[:number])
                rest = "/".join(parts[number + 1 :])
                return _target(path, file, f"{above}/{link.path}/{rest}", links - 1)
            case _:
                place = place[part]  # type: ignore[index]
    return place


def _require_inside(path: Path, file: h5py.File, data: h5py.Dataset, links: int) -> None:
    if data.external:
        raise _outside(path, data.name, f"stored in {data.external[0][0]!r}")
    if not data.is_virtual:
        return
    if not links:
        raise InputError(f"{str(path)!r}: {data.name!r} refers to itself.")
    for source in data.virtual_sources():
        if source.file_name != THIS_FILE or "%" in source.dset_name:
            raise _outside(path, data.name, f"made of {source.dset_name!r} of the file {source.file_name!r}")
        inner = _target(path, file, source.dset_name, MAX_LINKS)
        if isinstance(inner, h5py.Dataset):
            _require_inside(path, file, inner, links - 1)


def _outside(path: Path, name: str, how: str) -> InputError:
    return InputError(
        f"{str(path)!r}: {name!r} is {how}; data in other files is not read. Copy everything into one file, for "
        "example with h5repack."
    )
