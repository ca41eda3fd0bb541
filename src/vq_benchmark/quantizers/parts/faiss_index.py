"""Fitted models as faiss search indexes: empty, trained, and accepting the model's own packed codes.

Distances are `l2`, `ip` and `cosine`; cosine is the inner product of vectors of unit norm.
"""

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray, IdArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.parts.scales import norm_about

FAISS_LEAST_DISTANCE = 3.5e-4
"""Distance from the mean: the square root of the 1.2e-7 below which faiss treats a squared norm as zero."""
FAST_SCAN_BITS = 4
"""Bits of a sub-vector whose codebook fits into a register."""
DISTANCES = {"l2": faiss.METRIC_L2, "ip": faiss.METRIC_INNER_PRODUCT, "cosine": faiss.METRIC_INNER_PRODUCT}


def flat_index(d: int, distance: str) -> Any:
    """An IndexFlat, whose codes are the float32 vectors themselves."""
    return faiss.IndexFlat(d, DISTANCES[distance])


def product_index(codebooks: FloatArray, distance: str) -> Any:
    """An IndexPQ of codebooks (m, 2^nbits, w). It searches by asymmetric distances to all codes: its search type is
    faiss's default, without the polysemous filter."""
    m, centroids, width = codebooks.shape
    index: Any = faiss.IndexPQ(m * width, m, centroids.bit_length() - 1, DISTANCES[distance])
    faiss.copy_array_to_vector(np.ascontiguousarray(codebooks, np.float32).ravel(), index.pq.centroids)
    index.is_trained = True
    return index


def scalar_index(d: int, kind: int, trained: FloatArray | None, distance: str) -> Any:
    """An IndexScalarQuantizer of a QT_ kind; `trained` is what its ScalarQuantizer has learned, None if nothing."""
    index = faiss.IndexScalarQuantizer(d, kind, DISTANCES[distance])
    if trained is not None:
        faiss.copy_array_to_vector(trained, index.sq.trained)
    index.is_trained = True
    return index


def rabitq_index(centre: FloatArray, bits: int, distance: str) -> Any:
    """An IndexRaBitQ with `bits` bits per dimension around a centre (d,); queries get 8 bits per dimension.

    With float queries (`index.qb = 0`), faiss searches about a hundred times slower. Its factors depend on the
    distance. Its `reconstruct` reads only the sign bits; its search reads all bits.
    """
    index: Any = faiss.IndexRaBitQ(len(centre), DISTANCES[distance], bits)
    faiss.copy_array_to_vector(centre, index.center)
    index.qb = 8
    index.is_trained = True
    return index


def eden_index(centre: FloatArray, bits: int, distance: str) -> Any:
    """An IndexEDEN with `bits` bits per dimension around a centre (d,), with faiss's default, unbiased scale."""
    index: Any = faiss.index_factory(len(centre), f"EDEN{bits}", DISTANCES[distance])
    faiss.copy_array_to_vector(centre, index.center)
    index.is_trained = True
    return index


def require_spread(name: str, train: FloatArray, mean: DoubleArray) -> None:
    """Refuse vectors (n, d) so close to their mean (d,) that faiss cannot tell them from it.

    Raises:
        InputError: their root mean square distance from it is less than ten times `FAISS_LEAST_DISTANCE`.
    """
    spread = norm_about(train, mean)
    if 0 < spread < 10 * FAISS_LEAST_DISTANCE:
        raise InputError(
            f"{name} cannot code these vectors: their distance from the mean is {spread:.2g}, and faiss gives wrong "
            f"codes below {FAISS_LEAST_DISTANCE:g}; multiply them by about {1 / spread:.0e}."
        )


def rotated_index(rotation: Array, inner: Any) -> Any:
    """An IndexPreTransform that searches an index of rotated vectors R x; rotation R (d, d) is orthogonal."""
    transform: Any = faiss.LinearTransform(rotation.shape[1], rotation.shape[0], False)
    faiss.copy_array_to_vector(np.ascontiguousarray(rotation, np.float32).ravel(), transform.A)
    transform.is_trained = True
    transform.set_is_orthonormal()
    index = faiss.IndexPreTransform(transform, inner)
    # The index deletes both with itself, so Python must not.
    index.own_fields = True
    transform.this.disown()
    inner.this.disown()
    return index


FAST_SCANS: dict[type, Callable[[Any], Any]] = {
    faiss.IndexPQ: lambda index: faiss.IndexPQFastScan(index) if index.pq.nbits == FAST_SCAN_BITS else index,
    faiss.IndexRaBitQ: lambda index: _fast_rabitq(index),
}
"""By the class of a filled index: the same codes in the arrangement that faiss searches fastest.

To add one, add a line. Its scores may be rounded further: FastScan adds look-up tables of 8-bit numbers.
"""


def fast_scan_index(index: Any) -> Any:
    """A filled index in the arrangement of `FAST_SCANS`, or the index itself; both are in memory for a moment."""
    if isinstance(index, faiss.IndexPreTransform):
        inner = faiss.downcast_index(index.index)
        fast = fast_scan_index(inner)
        if fast is inner:
            return index
        rotation = faiss.downcast_VectorTransform(index.chain.at(0))
        matrix = faiss.vector_to_array(rotation.A).reshape(rotation.d_out, rotation.d_in)
        return rotated_index(matrix, fast)
    arranged = FAST_SCANS.get(type(index))
    return index if arranged is None else arranged(index)


def _fast_rabitq(index: Any) -> Any:
    kind = getattr(faiss, "IndexRaBitQFastScan", None)  # faiss 1.13 and newer
    if kind is None:
        return index
    fast = kind(index)
    fast.qb = index.qb
    return fast


def numbered_index(index: Any, ids: IdArray) -> Any:
    """An IndexIDMap of a filled index, whose rows get the ids (ntotal,)."""
    rows, index.ntotal = index.ntotal, 0  # faiss wraps only an index that says it is empty
    numbered: Any = faiss.IndexIDMap(index)
    faiss.copy_array_to_vector(np.ascontiguousarray(ids, np.int64), numbered.id_map)
    numbered.ntotal = index.ntotal = rows
    # The index deletes the other one with itself, so Python must not.
    numbered.own_fields = True
    index.this.disown()
    return numbered


def index_name(index: Any) -> str:
    """The name of a scan, or the class of a faiss index, as in `IndexPreTransform(IndexPQ)` of one behind another."""
    name = type(index).__name__
    if not isinstance(index, faiss.Index):
        return str(index.name)
    if isinstance(index, faiss.IndexPreTransform | faiss.IndexIDMap):
        return f"{name}({index_name(faiss.downcast_index(index.index))})"
    return name


def reserve_codes(index: Any, rows: int) -> None:
    """Reserve memory for the codes of that many rows at once, so that adding codes never copies earlier ones."""
    if isinstance(index, faiss.IndexPreTransform):
        reserve_codes(faiss.downcast_index(index.index), rows)
    else:
        index.codes.resize(rows * index.sa_code_size())
        index.codes.resize(0)


def add_codes(index: Any, codes: CodeArray) -> None:
    """Append packed codes (n, code_bytes); their ids continue from the last one."""
    if isinstance(index, faiss.IndexPreTransform):
        add_codes(faiss.downcast_index(index.index), codes)
        index.ntotal = index.index.ntotal
    else:
        index.add_sa_codes(np.ascontiguousarray(codes))
