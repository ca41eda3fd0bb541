"""Ground truth on disk: our own archive, and other layouts by extension."""

import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, IdArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.file_states import from_json, to_json
from vq_benchmark.datasets.formats import fbin
from vq_benchmark.datasets.formats.opening import formats, read_ids
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.content import ContentDigest
from vq_benchmark.evaluation.evaluate import GroundTruths
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.topk import TopCandidates
from vq_benchmark.machine.archive import HEADER, SUFFIX, ArchiveFormat
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import MISSHAPEN, reading
from vq_benchmark.machine.memory import require_memory
from vq_benchmark.machine.npy import ZIP_DAMAGE

FORMAT = ArchiveFormat("a ground truth file", version=2)
"""Of version 1 are scores that were added in an order of the processor's own, and no digests of the rows."""
KIND = "a readable ground truth of vq-benchmark"
RECOMPUTE = "; recompute it with `vq-benchmark precompute-gt`"
WRITABLE = (".npz", ".ibin", ".ivecs")


@dataclass(frozen=True)
class Belonging:
    """What a ground truth belongs to; a ground truth of anything else is rejected."""

    n: int
    d: int
    metric: Distance
    base_fingerprint: str
    queries_fingerprint: str
    judged_fingerprint: str | None


def save_truths(path: Path, ground_truths: GroundTruths, belonging: Belonging, query_norms: DoubleArray) -> None:
    """Write ground truth atomically: .npz (everything), .ibin (ids and distances) or .ivecs (ids).

    Distances are squared for L2, and similarities otherwise. query_norms (q,) are the ‖q‖² that L2 needs for them.
    """
    ids = ground_truths.queries.ids
    distances = ground_truths.queries.top.scores
    if belonging.metric == "l2":
        distances = query_norms[:, None] - distances
    if path.suffix not in WRITABLE:
        raise InputError(f"cannot write ground truth as {path.suffix!r}; choose one of {', '.join(WRITABLE)}.")
    if path.suffix != ".npz" and ids.size and ids.max() > np.iinfo(np.int32).max:
        raise InputError(f"{path.suffix} holds 32-bit ids, which are too small for {belonging.n} vectors; use .npz.")
    with atomic_write(path) as file:
        if path.suffix == ".npz":
            file.write(_archive(ground_truths, belonging, distances))
        elif path.suffix == ".ibin":
            file.write(
                struct.pack("<II", *ids.shape) + ids.astype("<i4").tobytes() + distances.astype("<f4").tobytes()
            )
        else:
            lengths = np.full((len(ids), 1), ids.shape[1])
            file.write(np.concatenate([lengths, ids], axis=1).astype("<i4").tobytes())


def _archive(ground_truths: GroundTruths, belonging: Belonging, distances: DoubleArray) -> bytes:
    header = {
        "belonging": vars(belonging),
        "k": ground_truths.queries.ids.shape[1],
        "span": ground_truths.queries.span,
        "files": to_json(ground_truths.files),
    }
    arrays: dict[str, Array] = {
        "indices": ground_truths.queries.ids,
        "distances": distances,
        "scores": ground_truths.queries.top.scores,
        **ground_truths.queries.content.to_arrays(),
    }
    if ground_truths.judged is not None:
        arrays |= {"judged_indices": ground_truths.judged.ids, "judged_scores": ground_truths.judged.top.scores}
    return FORMAT.pack(header, arrays)


def load_truths(path: Path, belonging: Belonging, k: int, span: Span, *, depth: int | None = None) -> GroundTruths:
    """Read our own archive: k neighbours of each query, or up to `depth` if it has more.

    Raises:
        InputError: it is damaged, or belongs to other vectors, queries, rows or distances, or its k is smaller.
    """
    with reading(path, *MISSHAPEN, what=KIND, remedy=RECOMPUTE):
        require_memory(path.stat().st_size, f"the ground truth {str(path)!r}")
        header, arrays = FORMAT.unpack(path.read_bytes())
        stored, files = Belonging(**header["belonging"]), from_json(header["files"])
    for name, wanted in vars(belonging).items():
        if getattr(stored, name) != wanted:
            raise InputError(
                f"{str(path)!r} is the ground truth of different data: its {name.replace('_', ' ')} is "
                f"{getattr(stored, name)}, expected {wanted}."
            )
    with reading(path, *MISSHAPEN, what=KIND):
        found, content = tuple(header["span"]), ContentDigest.from_arrays(arrays)
        most = k if depth is None else depth
        truth = _truth(arrays["indices"], arrays["scores"], most, span, content)
        judged = None
        if "judged_indices" in arrays:
            judged = _truth(arrays["judged_indices"], arrays["judged_scores"], most, span, content)
    if found != span:
        raise InputError(f"{str(path)!r} covers rows {list(found)}, but rows {list(span)} are needed.")
    held = arrays["indices"].shape[1]
    if held < min(k, belonging.n):
        raise InputError(f"{str(path)!r} has {held} neighbours per query, but {k} are needed; use --k {held}.")
    return GroundTruths(truth, judged, files)


def _truth(ids: IdArray, scores: DoubleArray, k: int, span: Span, content: ContentDigest) -> GroundTruth:
    if ids.dtype != np.int64 or scores.dtype != np.float64 or ids.ndim != 2 or ids.shape != scores.shape:
        raise ValueError(f"ids are {ids.dtype} {ids.shape}, scores {scores.dtype} {scores.shape}")
    return GroundTruth(TopCandidates(scores[:, :k], ids[:, :k], scores[:, :k]), span, content.copy())


def is_own_archive(path: Path) -> bool:
    """Whether a file is an archive of ours, or so damaged that nobody can tell."""
    if path.suffix.lower() != ".npz":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{HEADER}{SUFFIX}" in archive.namelist()
    except (OSError, *ZIP_DAMAGE):
        return True


def load_ids(path: Path) -> IdArray:
    """(q, k) ids from a file that is not an archive of ours: any format that holds row numbers.

    A file without a known extension is read as big-ann-benchmarks publish neighbours: their number and k as uint32,
    ids, distances.

    Raises:
        InputError: the file does not exist, or does not hold a matrix of whole numbers in that layout.
    """
    if not path.is_file():
        raise InputError(f"ground truth file {str(path)!r} does not exist.")
    if path.suffix.lower() in formats():
        return read_ids(path)
    try:
        return fbin.read_ids(path)
    except InputError as error:
        readable = ", ".join(extension for extension, each in formats().items() if each.read_ids is not None)
        raise InputError(
            f"{str(path)!r} is not a ground truth file of big-ann-benchmarks ({str(error).rstrip('.')}); for another "
            f"layout use one of {readable}."
        ) from error
