"""scann: product quantization that minds errors along the vector more than errors across it."""

from dataclasses import replace
from typing import Self

import numpy as np
from numba import prange
from pydantic import Field

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray, IdArray
from vq_benchmark.quantizers.base import Quantizer, State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.compile import row_kernel, rows_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import fma
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.kmeans import codebooks_bytes, nearest_entries, train_codebooks, transposed
from vq_benchmark.quantizers.parts.product_code import (
    ProductBudgets,
    ProductCode,
    ProductParameters,
    product_footprint,
)

ROUNDS = 8
"""Rounds of training, each of codes and then of codebooks; further ones lower the loss by less than 1 %."""
SWEEPS = 5
"""Most passes of coordinate descent over the sub-vectors of a vector; it stops when nothing changes."""
ROWS_PER_CENTROID = 64
"""Training rows per codebook entry, after k-means has had its own number of them."""


class ScannParameters(ProductParameters):
    """Parameters of `scann`."""

    threshold: float = Field(
        default=0.2, ge=0, lt=1, description="T: scores above T·‖Q‖·‖x‖ count. 0 is plain product quantization."
    )


class Scann(ProductBudgets, Quantizer):
    """Product codes that minimise ‖r‖² + (η − 1)⟨r, x⟩²/‖x‖², r = x − x̂, η = (d − 1)T²/(1 − T²).

    Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization" (ICML 2020), section 3. Only
    the part of r along x changes high scores. Coordinate descent over the sub-vectors finds the codes; weighted
    least squares fits the codebooks one after the other, starting from k-means. Scores use the codebook entries
    unscaled. `decode` shrinks them by one factor, fitted by least squares in training and stored in the model.
    """

    name = "scann"
    title = "Anisotropic product quantization (ScaNN)"
    paper = (
        "Guo et al.: Accelerating large-scale inference with anisotropic vector quantization, ICML 2020, "
        "arXiv 1908.10396"
    )
    parameters_type = ScannParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        m, nbits = self.parameters.m, self.parameters.nbits
        self.parameters.check_rows(self.name, len(train))
        d = train.shape[1]
        order = np.random.default_rng(seed).permutation(len(train))
        rows = np.ascontiguousarray(train[order[: ROWS_PER_CENTROID << nbits]], np.float32)
        codebooks = train_codebooks(train, m, nbits, seed=seed)
        weight = parallel_weight(self.parameters.threshold, d)
        codebooks, entries = refine_anisotropic(rows, codebooks, weight, ROUNDS)
        decoded = codebooks[np.arange(m), entries].reshape(rows.shape).astype(np.float64)
        energy = float((decoded * decoded).sum())
        shrink = float((rows * decoded).sum()) / energy if energy > 0 else 1.0
        self.restore({"codebooks": codebooks, "shrink": np.array(shrink, np.float32)}, d)
        return self

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        entries = nearest_entries(vectors, self._transposed)
        descend(vectors, self._transposed, self._weight, entries)
        return self._code.pack(entries)

    def decode(self, codes: CodeArray) -> FloatArray:
        """(n, d): the codebook entries, times the factor of least squares."""
        return self._code.decode(codes) * self._shrink

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """(n, d): the codebook entries."""
        return self._code.decode(codes)

    def footprint(self, n: int, d: int) -> Footprint:
        rows = min(n, ROWS_PER_CENTROID * self.parameters.centroids)
        codebooks, refining = codebooks_bytes(n, d, self.parameters.centroids), 24 * rows * d
        found = product_footprint(self.parameters, d, 4 * rows * d + max(codebooks, refining))
        return replace(found, row=found.row + 4 * d)

    def state(self) -> State:
        return {"codebooks": self._codebooks, "shrink": np.array(self._shrink)}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.code_bytes = self.parameters.code_bytes
        self._codebooks, self._shrink = state["codebooks"], np.float32(state["shrink"])
        self._transposed = transposed(self._codebooks)
        self._code = ProductCode(self._codebooks)
        self._weight = parallel_weight(self.parameters.threshold, d)


def parallel_weight(threshold: float, d: int) -> float:
    """η − 1, at least 0: what the part of the error along the vector costs more than the part across it."""
    return max((d - 1) * threshold**2 / (1 - threshold**2) - 1, 0.0)


def anisotropic_loss(vectors: FloatArray, decoded: FloatArray, weight: float) -> DoubleArray:
    """‖r‖² + weight·⟨r, x⟩²/‖x‖² for each of vectors and decoded (n, d), r their difference: (n,) float64."""
    x = vectors.astype(np.float64)
    r = x - decoded
    norms = np.einsum("ij,ij->i", x, x)
    along = np.einsum("ij,ij->i", r, x)
    return np.asarray(np.einsum("ij,ij->i", r, r) + weight * along**2 / np.where(norms > 0, norms, 1))


def refine_anisotropic(
    rows: FloatArray, codebooks: FloatArray, weight: float, rounds: int
) -> tuple[FloatArray, Array]:
    """Codebooks (m, k, w) after `rounds` rounds, and entries (n, m) of rows (n, d); no step raises the loss."""
    codebooks = codebooks.copy()
    entries = nearest_entries(rows, transposed(codebooks))
    for _ in range(rounds):
        descend(rows, transposed(codebooks), weight, entries)
        _fit_codebooks(rows, codebooks, weight, entries)
    descend(rows, transposed(codebooks), weight, entries)
    return codebooks, entries


def _fit_codebooks(rows: FloatArray, codebooks: FloatArray, weight: float, entries: Array) -> None:
    """Codebooks of least loss for given entries, one sub-space after the other, in place."""
    m, centroids, w = codebooks.shape
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    inverse_norms = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    parts = [rows[:, j * w : (j + 1) * w].astype(np.float64) for j in range(m)]
    along = np.zeros((m, len(rows)))
    for j in range(m):
        along[j] = ((parts[j] - codebooks[j][entries[:, j]]) * parts[j]).sum(axis=1) * inverse_norms
    total = along.sum(axis=0)
    for j in range(m):
        order = np.argsort(entries[:, j], kind="stable")
        ends = np.searchsorted(entries[order, j], np.arange(centroids + 1))
        _fit_codebook(parts[j], inverse_norms, total - along[j], weight, order, ends, codebooks[j])
        now = ((parts[j] - codebooks[j][entries[:, j]]) * parts[j]).sum(axis=1) * inverse_norms
        total += now - along[j]


def descend(vectors: FloatArray, codebooks: FloatArray, weight: float, entries: Array) -> None:
    """Lower the loss of entries (n, m) of vectors (n, d) by changing one at a time; codebooks (m, w, k)."""
    lengths = np.square(codebooks).sum(axis=1)
    in_tiles(len(entries), lambda tile: _descend(vectors[tile], codebooks, lengths, weight, entries[tile]))


@tile_kernel
def _descend(vectors: FloatArray, codebooks: FloatArray, lengths: FloatArray, weight: float, entries: Array) -> None:
    n = vectors.shape[0]
    m, _, k = codebooks.shape
    products = np.empty((m, k), np.float32)
    squares = np.empty(m, np.float32)
    losses = np.empty(k, np.float32)
    for i in range(n):
        _descend_row(vectors[i], codebooks, lengths, weight, products, squares, losses, entries[i])


@row_kernel
def _descend_row(
    x: FloatArray,
    codebooks: FloatArray,
    lengths: FloatArray,
    weight: float,
    products: FloatArray,
    squares: FloatArray,
    losses: FloatArray,
    entries: Array,
) -> None:
    """products (m, k), squares (m,) and losses (k,) are scratch. ‖r_j‖² = ‖x_j‖² − 2⟨x_j, c⟩ + ‖c‖²."""
    m, w, k = codebooks.shape
    bits, two = losses.view(np.int32), np.float32(2)
    norm2 = np.float32(0)
    for j in range(m):
        squares[j] = 0
        products[j, :] = 0
        for s in range(w):
            value = x[j * w + s]
            squares[j] = fma(value, value, squares[j])
            for t in range(k):
                products[j, t] = fma(value, codebooks[j, s, t], products[j, t])
        norm2 += squares[j]
    factor = np.float32(weight) / norm2 if norm2 > 0 else np.float32(0)
    along = np.float32(0)
    for j in range(m):
        along += squares[j] - products[j, entries[j]]
    for _ in range(SWEEPS):
        changed = False
        for j in range(m):
            others = along - (squares[j] - products[j, entries[j]])
            for t in range(k):
                across = max(squares[j] - two * products[j, t] + lengths[j, t], np.float32(0))
                all_along = others + squares[j] - products[j, t]
                losses[t] = fma(factor * all_along, all_along, across)
            # Non-negative floats are ordered as their bits are, and minima of integers are vectorised.
            least = bits[0]
            for t in range(k):
                least = min(least, bits[t])
            if bits[entries[j]] > least:
                first = np.int32(k)
                for t in range(np.int32(k)):
                    first = min(first, np.int32(t) if bits[t] == least else np.int32(k))
                entries[j] = first
                along = others + squares[j] - products[j, first]
                changed = True
        if not changed:
            break


@rows_kernel
def _fit_codebook(
    part: DoubleArray,
    inverse_norms: DoubleArray,
    others: DoubleArray,
    weight: float,
    order: IdArray,
    ends: IdArray,
    codebook: FloatArray,
) -> None:
    """Each entry c of codebook (k, w) minimises Σ ‖x − c‖² + weight·(others + ⟨x − c, u⟩)² over its sub-vectors x.

    part (n, w); u = x·inverse_norms; others (n,) is ⟨r, x⟩/‖x‖ of the other sub-vectors; the rows of entry t are
    order[ends[t] : ends[t + 1]]. Entries without rows stay.
    """
    w = part.shape[1]
    for t in prange(codebook.shape[0]):
        rows = order[ends[t] : ends[t + 1]]
        if rows.size > 0:
            matrix = np.zeros((w, w))
            right = np.zeros(w)
            for i in rows:
                square = 0.0
                for s in range(w):
                    square += part[i, s] * part[i, s]
                pull = 1 + weight * inverse_norms[i] * (others[i] + square * inverse_norms[i])
                stretch = weight * inverse_norms[i] * inverse_norms[i]
                for s in range(w):
                    right[s] += pull * part[i, s]
                    for u in range(s + 1):
                        matrix[s, u] += stretch * part[i, s] * part[i, u]
            for s in range(w):
                matrix[s, s] += rows.size
            _solve(matrix, right)
            for s in range(w):
                codebook[t, s] = right[s]


@row_kernel
def _solve(matrix: DoubleArray, right: DoubleArray) -> None:
    """right = matrix⁻¹·right by Cholesky's decomposition; of matrix (w, w), positive definite, the lower
    half is read."""
    w = right.size
    for s in range(w):
        for u in range(s + 1):
            total = matrix[s, u]
            for v in range(u):
                total -= matrix[s, v] * matrix[u, v]
            matrix[s, u] = np.sqrt(total) if u == s else total / matrix[u, u]
    for s in range(w):
        for v in range(s):
            right[s] -= matrix[s, v] * right[v]
        right[s] /= matrix[s, s]
    for s in range(w - 1, -1, -1):
        for v in range(s + 1, w):
            right[s] -= matrix[v, s] * right[v]
        right[s] /= matrix[s, s]
