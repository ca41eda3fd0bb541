"""Archives of a JSON header and named arrays in .npz, without pickle; each kind has a format version."""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from vq_benchmark.arrays import Array
from vq_benchmark.machine.damage import MISSHAPEN, reason_of
from vq_benchmark.machine.documents import parsed_json
from vq_benchmark.machine.npy import ZIP_DAMAGE, read_member
from vq_benchmark.machine.provenance import version_mismatch

HEADER = "header"
SUFFIX = ".npy"
VERSION = "version"


@dataclass(frozen=True)
class ArchiveFormat:
    """The format of one kind of archive, such as "model"; its version increases when what is stored changes."""

    kind: str
    version: int

    def pack(self, header: dict[str, Any], arrays: dict[str, Array]) -> bytes:
        """The header and the arrays as an archive that states this version."""
        return pack({VERSION: self.version, **header}, arrays)

    def unpack(self, data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
        """The header and the arrays that `pack` was given.

        Raises:
            ValueError: the bytes are damaged, or of another version; the sentence says which release reads it.
            InputError: there is not enough memory for the arrays.
        """
        header, arrays = unpack(data)
        return self._checked(header), arrays

    def header(self, data: bytes) -> dict[str, Any]:
        """The header alone, without reading the arrays; raises the same errors."""
        return self._checked(_opened(data, only_header=True)[0])

    def _checked(self, header: dict[str, Any]) -> dict[str, Any]:
        found = header.pop(VERSION, None)
        if found != self.version:
            raise ValueError(version_mismatch(found, self.version))
        return header


def pack(header: dict[str, Any], arrays: dict[str, Array]) -> bytes:
    """The header and the arrays as the bytes of a compressed .npz archive."""
    buffer = io.BytesIO()
    # The names are listed, because damage to the archive's directory can lose an array without a trace.
    content = json.dumps({"header": header, "arrays": sorted(arrays)})
    encoded = np.frombuffer(content.encode(), dtype=np.uint8)
    np.savez_compressed(buffer, allow_pickle=False, **{HEADER: encoded}, **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the arrays that `pack` was given.

    Raises:
        ValueError: the bytes are damaged, or were not written by `pack`.
        InputError: there is not enough memory for the arrays.
    """
    header, names, arrays = _opened(data)
    if sorted(arrays) != names:
        raise ValueError(f"not a readable archive (it holds {sorted(arrays)} instead of {names})")
    return header, arrays


def _opened(data: bytes, *, only_header: bool = False) -> tuple[dict[str, Any], list[str], dict[str, Array]]:
    """The header, the names of the arrays that it states, and the arrays that are there, unless only it is wanted."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [archive.getinfo(HEADER + SUFFIX)] if only_header else archive.infolist()
            arrays = {
                member.filename.removesuffix(SUFFIX): read_member(archive, member, "an archive") for member in members
            }
        content = parsed_json(arrays.pop(HEADER).tobytes())
        return dict(content["header"]), content["arrays"], arrays
    except (*ZIP_DAMAGE, *MISSHAPEN) as error:
        raise ValueError(f"not a readable archive ({reason_of(error)})") from error
