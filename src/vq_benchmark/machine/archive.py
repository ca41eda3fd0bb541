"""A JSON header and named arrays in one .npz archive, without pickle: models, checkpoints, accumulators."""

import io
import json
import zipfile
import zlib
from typing import Any

import numpy as np

from vq_benchmark.arrays import Array

HEADER = "header"
DAMAGE = (KeyError, OSError, EOFError, ValueError, RuntimeError, TypeError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged archive raises: RuntimeError for a wrong flag, TypeError for a bare array."""


def pack(header: dict[str, Any], arrays: dict[str, Array]) -> bytes:
    """The header and the arrays as the bytes of a compressed .npz archive."""
    buffer = io.BytesIO()
    # The names are listed, for damage to the archive's directory can lose an array without a trace.
    content = json.dumps({"header": header, "arrays": sorted(arrays)})
    encoded = np.frombuffer(content.encode(), dtype=np.uint8)
    np.savez_compressed(buffer, allow_pickle=False, **{HEADER: encoded}, **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the arrays that `pack` was given.

    Raises:
        ValueError: the bytes are damaged, or were not written by `pack`.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        content = json.loads(arrays.pop(HEADER).tobytes())
        header, names = dict(content["header"]), content["arrays"]
    except DAMAGE as error:
        raise ValueError(f"not a readable archive ({error})") from error
    if sorted(arrays) != names:
        raise ValueError(f"not a readable archive (it holds {sorted(arrays)} instead of {names})")
    return header, arrays
