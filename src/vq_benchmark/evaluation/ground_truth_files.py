"""Ground truth on disk: our own archive, and the layouts of others by extension."""

import struct
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, IdArray
from vq_benchmark.datasets.dataset import Metric
from vq_benchmark.datasets.files import from_json, to_json
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.content import ContentDigest
from vq_benchmark.evaluation.evaluate import Truths
from vq_benchmark.evaluation.ground_truth import GroundTruth
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.top_candidates import TopCandidates
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.machine.files import atomic_write

FORMAT_VERSION = 2
"""Of version 1 are scores that were added in an order of the processor's own, and no digests of the rows."""
WRITABLE = (".npz", ".ibin", ".ivecs")
READABLE = (".npz", ".npy", ".ibin", ".ivecs", ".hdf5", ".h5")


@dataclass(frozen=True)
class Belonging:
    """What a ground truth belongs to; one made for anything else is refused."""

    n: int
    d: int
    metric: Metric
    base_fingerprint: str
    queries_fingerprint: str
    judged_fingerprint: str | None


def save_truths(path: Path, truths: Truths, belonging: Belonging, query_norms: DoubleArray) -> None:
    """Write ground truth whole or not at all: .npz with all there is, .ibin (ids, distances) or .ivecs (ids).

    Distances are squared for L2 and similarities otherwise; query_norms (q,) are the ‖q‖² that L2 needs for them.
    """
    ids = truths.queries.ids
    distances = truths.queries.top.scores
    if belonging.metric == "l2":
        distances = query_norms[:, None] - distances
    if path.suffix not in WRITABLE:
        raise InputError(f"ground truth cannot be written as {path.suffix!r}; choose one of {', '.join(WRITABLE)}.")
    if path.suffix != ".npz" and ids.size and ids.max() > np.iinfo(np.int32).max:
        raise InputError(f"{path.suffix} holds 32-bit ids, too small for {belonging.n} vectors; choose .npz.")
    with atomic_write(path) as file:
        if path.suffix == ".npz":
            file.write(_archive(truths, belonging, distances))
        elif path.suffix == ".ibin":
            file.write(
                struct.pack("<II", *ids.shape) + ids.astype("<i4").tobytes() + distances.astype("<f4").tobytes()
            )
        else:
            lengths = np.full((len(ids), 1), ids.shape[1])
            file.write(np.concatenate([lengths, ids], axis=1).astype("<i4").tobytes())


def _archive(truths: Truths, belonging: Belonging, distances: DoubleArray) -> bytes:
    header = {
        "version": FORMAT_VERSION,
        "belonging": vars(belonging),
        "k": truths.queries.ids.shape[1],
        "span": truths.queries.span,
        "files": to_json(truths.files),
    }
    arrays: dict[str, Array] = {
        "indices": truths.queries.ids,
        "distances": distances,
        "scores": truths.queries.top.scores,
        **truths.queries.content.to_arrays(),
    }
    if truths.judged is not None:
        arrays |= {"judged_indices": truths.judged.ids, "judged_scores": truths.judged.top.scores}
    return pack(header, arrays)


def load_truths(path: Path, belonging: Belonging, k: int, span: Span) -> Truths:
    """Read our own archive.

    Raises:
        InputError: it is damaged, or made for other vectors, queries or rows, another metric or a smaller k.
    """
    try:
        header, arrays = unpack(path.read_bytes())
        if header["version"] != FORMAT_VERSION:
            raise InputError(
                f"{str(path)!r} has format {header['version']}, this version of vq-benchmark reads {FORMAT_VERSION}; "
                "compute it again with `vq-benchmark precompute-gt`."
            )
        stored, files = Belonging(**header["belonging"]), from_json(header["files"])
        content = ContentDigest.from_arrays(arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{str(path)!r} is not a readable ground truth of vq-benchmark: {error}.") from error
    for name, wanted in vars(belonging).items():
        if getattr(stored, name) != wanted:
            raise InputError(
                f"{str(path)!r} is the ground truth of other data: its {name.replace('_', ' ')} is "
                f"{getattr(stored, name)}, that of this data set is {wanted}."
            )
    if tuple(header["span"]) != span:
        raise InputError(f"{str(path)!r} covers the rows {header['span']}, needed are {list(span)}.")
    if header["k"] < min(k, belonging.n):
        raise InputError(
            f"{str(path)!r} has {header['k']} neighbours per query, {k} are needed; use --k {header['k']}."
        )
    judged = None
    if "judged_indices" in arrays:
        judged = _truth(arrays["judged_indices"], arrays["judged_scores"], k, span, content)
    return Truths(_truth(arrays["indices"], arrays["scores"], k, span, content), judged, files)


def _truth(ids: IdArray, scores: DoubleArray, k: int, span: Span, content: ContentDigest) -> GroundTruth:
    return GroundTruth(TopCandidates(scores[:, :k], ids[:, :k], scores[:, :k]), span, content)


def load_ids(path: Path) -> IdArray:
    """(q, k) ids from a bare file: .npy, .ibin (big-ann, with or without distances), .ivecs, HDF5 `neighbors`.

    Raises:
        InputError: there is no such file, or it does not hold a matrix of integers in that layout.
    """
    if not path.is_file():
        raise InputError(f"there is no ground truth file {str(path)!r}.")
    readers = {".npy": _read_npy, ".ibin": _read_ibin, ".ivecs": _read_ivecs, ".hdf5": _read_hdf5, ".h5": _read_hdf5}
    if path.suffix not in readers:
        raise InputError(f"{str(path)!r} is no ground truth file; the extensions are {', '.join(READABLE)}.")
    try:
        ids = readers[path.suffix](path)
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise InputError(f"{str(path)!r} is not a readable {path.suffix} ground truth: {error}.") from error
    if ids.ndim != 2 or not np.issubdtype(ids.dtype, np.integer):
        raise InputError(f"{str(path)!r} holds {ids.dtype} of shape {ids.shape}, not ids of shape (queries, k).")
    return ids.astype(np.int64)


def _read_npy(path: Path) -> Array:
    return np.asarray(np.load(path, allow_pickle=False))


def _read_ibin(path: Path) -> Array:
    data = path.read_bytes()
    queries, k = struct.unpack_from("<II", data)
    cells = queries * k
    if len(data) not in (8 + 4 * cells, 8 + 8 * cells):
        raise ValueError(f"a header of {queries} × {k} does not match {len(data)} bytes")
    return np.frombuffer(data, dtype="<i4", count=cells, offset=8).reshape(queries, k)


def _read_ivecs(path: Path) -> Array:
    numbers = np.fromfile(path, dtype="<i4")
    if not len(numbers) or numbers[0] < 1 or len(numbers) % (numbers[0] + 1):
        raise ValueError("its size does not match its first row")
    rows = numbers.reshape(-1, numbers[0] + 1)
    if (rows[:, 0] != numbers[0]).any():
        raise ValueError("its rows differ in length")
    return rows[:, 1:]


def _read_hdf5(path: Path) -> Array:
    with h5py.File(path, "r") as file:
        return np.asarray(file["neighbors"][:])
