"""All file formats, found by importing the modules of this package; a new format is a new module."""

import importlib
import pkgutil
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

import vq_benchmark.datasets.formats as package
from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.formats.format import Format, VectorBlocks
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write

CROPPED = re.compile(r"\.crop_nb_(\d+)")
"""What big-ann-benchmarks appends to the name of a file that was cut off after so many rows."""
_TORCH = (
    "a file of PyTorch, which can run any code, so it is not opened",
    "__import__('torch').load({}, weights_only=True).float().numpy()",
)
_TEXT = "text, which is slow to read and has no row numbers"
CONVERTED = {
    **dict.fromkeys((".pt", ".pth"), _TORCH),
    ".csv": (_TEXT, "np.loadtxt({}, delimiter=',', dtype='float32')"),
    ".tsv": (_TEXT, "np.loadtxt({}, delimiter='\\t', dtype='float32')"),
}
"""By extension: what a file is that is not read, and the expression that loads it."""


@cache
def formats() -> dict[str, Format]:
    """Formats by extension, in alphabetical order."""
    found: dict[str, Format] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        declared = getattr(module, "FORMAT", None)
        if isinstance(declared, Format):
            found.update(dict.fromkeys(declared.extensions, declared))
    return dict(sorted(found.items()))


def extension_of(path: Path) -> str:
    """The extension that says the format, in lower case; that of base.fbin.crop_nb_10000000 is .fbin."""
    return (Path(path.stem) if CROPPED.fullmatch(path.suffix) else path).suffix.lower()


def format_of(path: Path) -> Format:
    """The format of that file name.

    Raises:
        InputError: no format has its extension.
    """
    extension = extension_of(path)
    if extension in formats():
        return formats()[extension]
    if extension in CONVERTED:
        what, loaded = CONVERTED[extension]
        code = f"import numpy as np; np.save({f'{path.stem}.npy'!r}, {loaded.format(repr(path.name))})"
        raise InputError(f"{str(path)!r} is {what}; convert it: python -c {shlex.quote(code)}")
    raise InputError(f"{str(path)!r} has no known extension; the formats are {', '.join(formats())}.")


def open_vectors(path: Path, *, column: str | None = None) -> VectorSource:
    """The (base) vectors of a file; `column` names the column, member or data set that holds them.

    Raises:
        InputError: the file does not exist or cannot be read, or its content does not match its extension.
    """
    return existing_format(path, column).open_vectors(path, column)


def open_dataset(path: Path, *, column: str | None = None) -> RawDataset:
    """Everything that a file holds: base vectors, and queries, learn, neighbours and metric if the format has them.

    Raises:
        InputError: as `open_vectors`.
    """
    found = existing_format(path, column)
    if found.open_dataset is not None:
        return found.open_dataset(path, column)
    return RawDataset(found.open_vectors(path, column))


def read_ids(path: Path) -> IdArray:
    """The row numbers in a file, such as neighbours, as (rows, k) int64.

    Raises:
        InputError: as `open_vectors`, or the format does not hold row numbers.
    """
    found = existing_format(path, None)
    if found.read_ids is None:
        able = ", ".join(extension for extension, each in formats().items() if each.read_ids is not None)
        raise InputError(f"{str(path)!r} cannot hold row numbers; use one of {able}.")
    return found.read_ids(path)


def existing_format(path: Path, column: str | None) -> Format:
    """The format of a file that exists; InputError if it does not, or has no columns although one is named."""
    found = format_of(path)
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}.")
    if column is not None and not found.has_columns:
        raise InputError(f"{str(path)!r} has no columns, so --vector-column {column} does not apply.")
    return found


def require_writable(path: Path, dtype: str) -> None:
    """Raises InputError unless vectors of that dtype can be written to a file of that name."""
    found = format_of(path)
    extension = path.suffix.lower()
    possible = found.writable_dtypes(extension)
    if not possible:
        able = ", ".join(each for each, format in formats().items() if format.writable_dtypes(each))
        raise InputError(f"{extension} files cannot be written; choose one of {able}.")
    if dtype not in possible:
        raise InputError(f"{extension} files cannot hold {dtype!r}; they can hold {', '.join(possible)}.")


def write_vectors(
    path: Path,
    source: VectorSource,
    dtype: str,
    *,
    block_rows: int = 4096,
    convert: Callable[[FloatArray], FloatArray] = lambda rows: rows,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a source to a file block by block; the file appears under its name only once it is complete.

    `convert` is applied to each (rows, d) float32 block before it becomes dtype; integers are rounded and clipped.
    `progress(rows_done, rows_total)` is called after each block.

    Raises:
        InputError: the format cannot be written or cannot hold that dtype.
    """
    require_writable(path, dtype)
    write = format_of(path).write
    assert write is not None
    stored = np.dtype(dtype)

    def blocks() -> Iterator[Array]:
        for start in range(0, source.n, block_rows):
            stop = min(start + block_rows, source.n)
            yield _stored_as(stored, convert(source.read(start, stop)))
            if progress is not None:
                progress(stop, source.n)

    with atomic_write(path) as file:
        write(file, VectorBlocks(source.n, source.d, stored, blocks()))


def _stored_as(dtype: np.dtype[np.generic], rows: FloatArray) -> Array:
    if not np.issubdtype(dtype, np.integer):
        return rows.astype(dtype)
    bounds = np.iinfo(dtype.name)
    return np.clip(np.rint(rows), bounds.min, bounds.max).astype(dtype)
