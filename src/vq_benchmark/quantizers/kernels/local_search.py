"""Additive codes by iterated local search: entries are changed one at a time, from draws that all rows share.

The encoder of faiss's LocalSearchQuantizer, with every sum in a fixed order; ties go to the lowest index.
"""

from typing import Any

import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot64

SWEEPS = 4
"""Maximum number of passes of a local search over all codebooks, as in faiss."""
_MAGNITUDE = np.int32(0x7FFFFFFF)


@tile_kernel
def search_locally(
    rows: FloatArray, costs: FloatArray, pairs: FloatArray, codebooks: FloatArray, trials: Array, out: Array
) -> None:
    """Fill out (n, m) int32 with the entries that code rows (n, d), from codebooks (m, k, d).

    ‖x − Σ c‖² − ‖x‖² is the sum of `costs` (n, m·k), ‖c‖² − 2⟨x, c⟩, over the entries c, and of `pairs` (m·k, m·k),
    2⟨c, c'⟩, over their pairs. Each of `trials` (t, m) int32 starts one local search: where it is not negative, it
    replaces the entries found so far; the first replaces all. All arrays except trials and out are float32.
    """
    n, d = rows.shape
    m, k, _ = codebooks.shape
    entries = np.empty(m, np.int32)
    objective = np.empty(k, np.float32)
    others = np.empty(m, np.int64)
    rest = np.empty(d, np.float32)
    for i in range(n):
        best = out[i]
        least = np.inf
        best[:] = trials[0]
        for trial in trials:
            for j in range(m):
                entries[j] = best[j] if trial[j] < 0 else trial[j]
            _improve(entries, costs[i], pairs, objective, others)
            error = _squared_error(rows[i], codebooks, entries, rest)
            if error < least:
                least = error
                best[:] = entries


@row_kernel
def _improve(entries: Array, costs: FloatArray, pairs: FloatArray, objective: FloatArray, others: Array) -> None:
    """Set each entry in turn to the best one given the others, until none changes or all sweeps are done."""
    m, k = entries.size, objective.size
    settled = 0
    for step in range(SWEEPS * m):
        j = step % m
        columns = slice(j * k, (j + 1) * k)
        count = 0
        for other in range(m):
            if other != j:
                others[count] = other * k + entries[other]
                count += 1
        objective[:] = costs[columns]
        whole = count - count % 4
        for t in range(0, whole, 4):
            _add_four(
                objective,
                pairs[others[t], columns],
                pairs[others[t + 1], columns],
                pairs[others[t + 2], columns],
                pairs[others[t + 3], columns],
            )
        for t in range(whole, count):
            _add(objective, pairs[others[t], columns])
        entry = _first_least(objective)
        settled = settled + 1 if entry == entries[j] else 1
        entries[j] = entry
        if settled == m:
            return


@row_kernel
def _add(total: FloatArray, values: FloatArray) -> None:
    for j in range(total.size):
        total[j] += values[j]


@row_kernel
def _add_four(total: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray, e: FloatArray) -> None:
    """Add four arrays in order, reading and writing `total` once."""
    for j in range(total.size):
        total[j] = (((total[j] + a[j]) + b[j]) + c[j]) + e[j]


@row_kernel
def _first_least(values: FloatArray) -> np.int32:
    """The index of the first minimum (−0 is less than 0). The compiler vectorises only a minimum of integers, and the
    bits of floats are ordered like the floats once those of negative ones are flipped."""
    bits = values.view(np.int32)
    least = _MAGNITUDE
    for j in range(bits.size):
        least = min(least, bits[j] ^ ((bits[j] >> 31) & _MAGNITUDE))
    sought = least ^ ((least >> 31) & _MAGNITUDE)
    first = np.int32(bits.size - 1)
    for j in range(np.int32(bits.size)):
        first = min(first, np.int32(j) if bits[j] == sought else first)
    return first


@row_kernel
def _squared_error(row: FloatArray, codebooks: FloatArray, entries: Array, rest: FloatArray) -> Any:
    """‖row − Σ entries‖² in float64; rest (d,) is scratch."""
    rest[:] = codebooks[0, entries[0]]
    for j in range(1, entries.size):
        _add(rest, codebooks[j, entries[j]])
    for j in range(row.size):
        rest[j] = row[j] - rest[j]
    return dot64(rest, rest)
