"""Sums of codebook entries, added in the order of the codebooks."""

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel


@tile_kernel
def add_parts(codebooks: FloatArray, entries: Array, out: FloatArray) -> None:
    """Fill out (n, p·w) with p sums side by side, for entries (n, p·m) of codebooks (p, m, k, w)."""
    p, m, _, w = codebooks.shape
    for i in range(len(entries)):
        for part in range(p):
            own = entries[i, part * m : (part + 1) * m]
            add_entries(codebooks[part], own, out[i, part * w : (part + 1) * w])


@row_kernel
def add_entries(codebooks: FloatArray, entries: Array, out: FloatArray) -> None:
    """out (w,) = the sum of one entry of each of codebooks (m, k, w)."""
    out[:] = codebooks[0, entries[0]]
    for j in range(1, entries.size):
        add_to(out, codebooks[j, entries[j]])


@row_kernel
def add_to(total: FloatArray, values: FloatArray) -> None:
    """total += values."""
    for j in range(total.size):
        total[j] += values[j]
