"""Fingerprints: short hashes that identify the vectors of a result."""

from hashlib import blake2b

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.checks.unusable_rows import probe_rows
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.number_types import type_name
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.datasets.sources.vector_source import VectorSource

FINGERPRINT_BYTES = 16


def fingerprint_base(
    source: VectorSource, distance: Distance, split: str = "", *, probed: FloatArray | None = None
) -> str:
    """Hash of (n, d, dtype, metric, split) and of a fixed sample of at most 1,024 rows, as 32 hex digits.

    The rows are hashed as little-endian float32, before any normalisation, so that the same vectors have the same
    fingerprint in every format. The cost does not depend on the number of rows; a change outside the sampled rows
    goes unnoticed. `probed` are the sampled rows, `probe_rows(source.n)`, if they have been read already.
    """
    digest = blake2b(digest_size=FINGERPRINT_BYTES)
    digest.update(
        f"base n={source.n} d={source.d} dtype={type_name(source.dtype)} metric={distance} split={split}\n".encode()
    )
    digest.update(_little_endian(take(source, probe_rows(source.n)) if probed is None else probed))
    return digest.hexdigest()


def fingerprint_array(vectors: FloatArray) -> str:
    """Hash of a whole (q, d) float32 array, such as the queries, as 32 hex digits."""
    digest = blake2b(digest_size=FINGERPRINT_BYTES)
    digest.update(f"array shape={vectors.shape}\n".encode())
    digest.update(_little_endian(vectors))
    return digest.hexdigest()


def _little_endian(vectors: FloatArray) -> bytes:
    """The values in row-major order; NaN has one pattern of bits, because files and processors write several."""
    return np.where(np.isnan(vectors), np.float32(np.nan), vectors).astype("<f4").tobytes()
