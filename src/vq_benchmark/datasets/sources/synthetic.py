"""Synthetic vectors that resemble embeddings: a decaying spectrum, clusters, and no preferred axes.

Row i is R S (sqrt(b) c[k] + sqrt(1 - b) z): z standard normal, k one of 64 clusters with standard normal centres c,
b the share of variance between clusters, S the square roots of the variances i^-alpha (scaled to sum 1, so that
E||x||^2 = 1), R a random rotation. Rows are generated in blocks of 4,096, each from SeedSequence((seed, stream,
block)), so that any range can be generated alone; base, queries and learn are different streams.

R is a product of Givens rotations of random pairs of coordinates by odd multiples of 45 degrees, not a dense matrix:
it costs O(d log d) per row and only adds and multiplies element by element, so every machine generates the same
bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.datasets.formats.opening import write_vectors
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.blockwise import BlockwiseSource
from vq_benchmark.errors import InputError

BLOCK_ROWS = 4096
ROTATED_ROWS = 256  # few enough to stay in the cache
DEFAULT_NUM_VECTORS, DEFAULT_DIM = 10_000, 128
NUM_LEARN = 100_000
BASE_STREAM, QUERY_STREAM, LEARN_STREAM, SHAPE_STREAM = range(4)


@dataclass(frozen=True)
class SyntheticDistribution:
    """The distribution that all streams of a seed share."""

    d: int
    seed: int = 0
    alpha: float = 0.7
    """Principal variance i is proportional to i^-alpha; 0.7 is close to the embeddings of `sample`."""
    num_clusters: int = 64
    between_share: float = 0.5
    """Share of the variance between the centres of clusters."""

    def source(self, n: int, stream: int) -> BlockwiseSource:
        """n rows of a stream; rows of different streams are independent."""
        edges = np.append(np.arange(0, n, BLOCK_ROWS), n).astype(np.int64)
        return BlockwiseSource(edges, self.d, np.dtype(np.float32), lambda block: self.block(stream, block))

    def block(self, stream: int, block: int) -> FloatArray:
        """The 4,096 rows of a block, (4096, d) float32."""
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, stream, block)))
        clusters = rng.integers(self.num_clusters, size=BLOCK_ROWS)
        within = np.float32(np.sqrt(1 - self.between_share))
        rows = rng.standard_normal((BLOCK_ROWS, self.d), dtype=np.float32) * within
        rows += self._centres[clusters]
        rows *= self._scales
        return self._rotate(rows)

    @cached_property
    def _scales(self) -> FloatArray:
        variances = np.arange(1, self.d + 1, dtype=np.float64) ** -self.alpha
        return np.asarray(np.sqrt(variances / variances.sum()), dtype=np.float32)

    @cached_property
    def _centres(self) -> FloatArray:
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, SHAPE_STREAM, 0)))
        centres = rng.standard_normal((self.num_clusters, self.d), dtype=np.float32)
        return np.asarray(centres * np.float32(np.sqrt(self.between_share)), dtype=np.float32)

    @cached_property
    def _givens_layers(self) -> list[tuple[Array, Array, FloatArray, FloatArray]]:
        """Per layer, disjoint pairs of coordinates (first, second) and the cosine and sine of each angle."""
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, SHAPE_STREAM, 1)))
        layers = []
        for _ in range(ceil(log2(self.d)) + 2 if self.d > 1 else 0):
            first, second = rng.permutation(self.d)[: self.d // 2 * 2].reshape(2, -1)
            signs = rng.choice(np.array([-1, 1], dtype=np.float32), (2, self.d // 2, 1))
            cosine, sine = signs * np.float32(np.sqrt(0.5))
            layers.append((first, second, cosine, sine))
        return layers

    def _rotate(self, rows: FloatArray) -> FloatArray:
        rotated = np.empty_like(rows)
        for start in range(0, len(rows), ROTATED_ROWS):
            coordinates = np.ascontiguousarray(rows[start : start + ROTATED_ROWS].T)
            for first, second, cosine, sine in self._givens_layers:
                x, y = coordinates[first], coordinates[second]
                coordinates[first] = cosine * x - sine * y
                coordinates[second] = sine * x + cosine * y
            rotated[start : start + ROTATED_ROWS] = coordinates.T
        return rotated


def require_possible(n: int, d: int, seed: int) -> None:
    """Raises InputError unless n rows of d values can be generated from that seed."""
    if seed < 0:
        raise InputError(f"invalid seed {seed}: it must be at least 0.")
    if n < 1 or d < 1:
        raise InputError(f"synthetic vectors need at least one row and one dimension, not {n} x {d}.")


def open_synthetic(n: int, d: int, num_queries: int, *, seed: int = 0) -> RawDataset:
    """A synthetic data set: n base rows, num_queries queries and 100,000 learn rows, generated as they are read."""
    require_possible(n, d, seed)
    distribution = SyntheticDistribution(d, seed)
    return RawDataset(
        base=distribution.source(n, BASE_STREAM),
        queries=distribution.source(num_queries, QUERY_STREAM),
        learn=distribution.source(NUM_LEARN, LEARN_STREAM),
    )


def write_synthetic(
    path: Path,
    n: int,
    d: int,
    *,
    seed: int = 0,
    dtype: str = "float32",
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the n base rows of `open_synthetic` to a file, out of core; the file appears only once it is complete.

    int8 and uint8 hold round(x * 32 sqrt(d)), uint8 with 128 added: an average coordinate spans 4 standard
    deviations, and rare values beyond are clipped. `progress(rows_done, rows_total)` is called after each block.

    Raises:
        InputError: the size is not positive, the seed is negative, or the format cannot hold that dtype.
    """
    require_possible(n, d, seed)
    source = SyntheticDistribution(d, seed).source(n, BASE_STREAM)
    write_vectors(path, source, dtype, block_rows=BLOCK_ROWS, convert=_conversion(dtype, d), progress=progress)


def _conversion(dtype: str, d: int) -> Callable[[FloatArray], FloatArray]:
    scale = np.float32(32 * np.sqrt(d))
    conversions: dict[str, Callable[[FloatArray], FloatArray]] = {
        "int8": lambda rows: rows * scale,
        "uint8": lambda rows: rows * scale + np.float32(128),
    }
    return conversions.get(dtype, lambda rows: rows)
