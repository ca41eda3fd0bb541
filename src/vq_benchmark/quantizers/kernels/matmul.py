"""The product of rows and a matrix, with the same bits for a row in any batch and on any processor.

BLAS guarantees neither: OpenBLAS rounds a row by its place in the call, and its kernels differ from each other. Here
every number of the result is one chain of fused multiply-adds in float32 over ascending k, on every processor.
"""

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.kernels import vector_ir
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel

WIDE, NARROW = (8, 3, 16), (4, 3, 8)
"""Rows, vectors and lanes of the part of the result kept in registers: 32 registers with AVX-512, else 16."""
_DEPTH = 384
"""Steps in k for which the packed rows stay in the second-level cache, and one panel in the first-level cache."""
_ROWS = 240
"""Rows that are packed at once, a multiple of the rows of both shapes."""


def panel_width() -> int:
    """Columns of a panel on this machine."""
    _, vectors, lanes = WIDE if llvmlite.binding.get_host_cpu_features().get("avx512f") else NARROW
    return vectors * lanes


def panels_of(matrix: FloatArray, width: int | None = None) -> FloatArray:
    """(d, e) -> (⌈e/width⌉, d, width) float32: the columns of a matrix in panels, the last padded with zeros."""
    d, e = matrix.shape
    width = width or panel_width()
    panels = np.zeros((-(-e // width), d, width), np.float32)
    for p, panel in enumerate(panels):
        columns = matrix[:, p * width : (p + 1) * width]
        panel[:, : columns.shape[1]] = columns
    return panels


def panels_bytes(d: int, e: int) -> int:
    """The most bytes that the panels of a matrix (d, e) take on any machine."""
    width = WIDE[1] * WIDE[2]
    return 4 * d * -(-e // width) * width


def multiply(rows: FloatArray, shift: FloatArray, panels: FloatArray, out: FloatArray) -> None:
    """out = (rows − shift) @ matrix on one thread, for rows (n, d), shift (d,), out (n, e) contiguous, all float32,
    and the panels of a matrix (d, e)."""
    out[:] = 0
    add_product(rows, shift, panels, out)


def _accumulate(shape: tuple[int, int, int]) -> Any:
    """The code of c[r, j] += Σ a[k, r] · b[k, j] over k, ascending, for all r and j of the shape."""
    rows, vectors, lanes = shape
    width = vectors * lanes

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, a_at, b, b_at, c, c_at, stride, depth = arguments
        data = [
            builder.gep(vector_ir.array_data(context, builder, array, value)[0], [at])
            for array, value, at in zip(signature.args[0:6:2], (a, b, c), (a_at, b_at, c_at), strict=True)
        ]
        element = ir.FloatType()
        places = [
            builder.add(builder.mul(vector_ir.index(r), stride), vector_ir.index(v * lanes))
            for r in range(rows)
            for v in range(vectors)
        ]

        def step(k: Any, sums: list[Any]) -> list[Any]:
            first = builder.mul(k, vector_ir.index(width))
            columns = [
                vector_ir.load(builder, data[1], builder.add(first, vector_ir.index(v * lanes)), lanes, element)
                for v in range(vectors)
            ]
            added = []
            for r in range(rows):
                at = builder.add(builder.mul(k, vector_ir.index(rows)), vector_ir.index(r))
                factor = vector_ir.spread(builder, builder.load(builder.gep(data[0], [at])), lanes)
                for v in range(vectors):
                    added.append(vector_ir.fma(builder, factor, columns[v], sums[r * vectors + v]))
            return added

        sums = [vector_ir.load(builder, data[2], at, lanes, element) for at in places]
        for at, total in zip(places, vector_ir.loop(builder, depth, sums, step), strict=True):
            vector_ir.store(builder, total, data[2], at)
        return context.get_dummy_value()

    return code


@intrinsic
def _accumulate_wide(
    context: Any, a: Any, a_at: Any, b: Any, b_at: Any, c: Any, c_at: Any, stride: Any, depth: Any
) -> Any:
    vector_ir.require_contiguous(a, b, c)
    at = types.intp
    return types.void(a, at, b, at, c, at, at, at), _accumulate(WIDE)


@intrinsic
def _accumulate_narrow(
    context: Any, a: Any, a_at: Any, b: Any, b_at: Any, c: Any, c_at: Any, stride: Any, depth: Any
) -> Any:
    vector_ir.require_contiguous(a, b, c)
    at = types.intp
    return types.void(a, at, b, at, c, at, at, at), _accumulate(NARROW)


@tile_kernel
def add_product(rows: FloatArray, shift: FloatArray, panels: FloatArray, out: FloatArray) -> None:
    """out += (rows − shift) @ matrix, for `multiply` and for kernels: in blocks of rows, steps in k, and panels."""
    n, d = rows.shape
    e, width = out.shape[1], panels.shape[2]
    is_wide = width == WIDE[1] * WIDE[2]
    height = WIDE[0] if is_wide else NARROW[0]
    packed = np.zeros((min(n, _ROWS) + height) * min(d, _DEPTH), np.float32)
    corner = np.zeros((height, width), np.float32)
    for first in range(0, n, _ROWS):
        stop = min(n, first + _ROWS)
        for k in range(0, d, _DEPTH):
            depth = min(_DEPTH, d - k)
            _pack(rows, shift, first, stop, k, depth, height, packed)
            for p in range(panels.shape[0]):
                b_at = (p * d + k) * width
                columns = min(width, e - p * width)
                for i in range(first, stop, height):
                    a_at, c_at = (i - first) * depth, i * e + p * width
                    count = min(height, stop - i)
                    is_whole = count == height and columns == width
                    if not is_whole:
                        _copy(out, c_at, e, corner, 0, width, count, columns)
                    target, at, stride = (out, c_at, e) if is_whole else (corner, 0, width)
                    if is_wide:
                        _accumulate_wide(packed, a_at, panels, b_at, target, at, stride, depth)
                    else:
                        _accumulate_narrow(packed, a_at, panels, b_at, target, at, stride, depth)
                    if not is_whole:
                        _copy(corner, 0, width, out, c_at, e, count, columns)


@row_kernel
def _pack(
    rows: FloatArray,
    shift: FloatArray,
    first: int,
    stop: int,
    start: int,
    depth: int,
    height: int,
    packed: FloatArray,
) -> None:
    """packed[i·depth + k·height + r] = (rows − shift)[first + i + r, start + k], for i in steps of height."""
    for i in range(first, stop):
        r = (i - first) % height
        at = (i - first - r) * depth + r
        for k in range(depth):
            packed[at + k * height] = rows[i, start + k] - shift[start + k]


@row_kernel
def _copy(
    source: FloatArray,
    source_at: int,
    source_stride: int,
    target: FloatArray,
    target_at: int,
    target_stride: int,
    rows: int,
    columns: int,
) -> None:
    """Copy rows and columns between two places in contiguous arrays."""
    read, written = source.ravel(), target.ravel()
    for i in range(rows):
        for j in range(columns):
            written[target_at + i * target_stride + j] = read[source_at + i * source_stride + j]
