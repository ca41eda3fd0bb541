"""Code queries before they are scored, as products do; docs/METRICS.md holds the formulas."""

from typing import Literal, get_args

import numpy as np

from vq_benchmark.arrays import FloatArray, pieces
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.kernels.rows import row_dots, row_squares
from vq_benchmark.quantizers.parts.query_levels import range_integers

QueryBits = Literal["float", "8", "4", "1", "symmetric"]
"""How queries are coded; `symmetric`: by the method itself."""
QUERY_BITS: tuple[QueryBits, ...] = get_args(QueryBits)


def parsed_query_bits(text: str) -> QueryBits:
    """The coding of that name.

    Raises:
        InputError: there is none.
    """
    found = next((bits for bits in QUERY_BITS if bits == text), None)
    if found is None:
        raise InputError(f"--query-bits is {text!r}; it must be one of {', '.join(QUERY_BITS)}.")
    return found


def projected_queries(quantizer: Quantizer, queries: FloatArray, query_bits: QueryBits = "float") -> FloatArray:
    """What the codes of a fitted quantizer are scored against: (q, d) float32 -> (q, e) float32, C-contiguous.

    With 8, 4 or 1 bits the coordinates of the projected query are coded and decoded, each part of
    `Quantizer.query_parts` by itself. `symmetric` projects the query that the method decodes from its own code.
    """
    if query_bits == "symmetric":
        return _projected(quantizer, quantizer.decode(quantizer.encode(queries)))
    projected = _projected(quantizer, queries)
    if query_bits == "float":
        return projected
    if np.may_share_memory(projected, queries):
        projected = projected.copy()
    first = 0
    for width in quantizer.query_parts(projected.shape[1]):
        columns = slice(first, first + width)
        for rows in pieces(len(projected)):
            projected[rows, columns] = _coded(projected[rows, columns], int(query_bits))
        first += width
    return projected


def _projected(quantizer: Quantizer, queries: FloatArray) -> FloatArray:
    return np.ascontiguousarray(quantizer.project_queries(queries), dtype=np.float32)


def _coded(rows: FloatArray, bits: int) -> FloatArray:
    return sign_coded(rows) if bits == 1 else range_coded(rows, bits)


def range_coded(rows: FloatArray, bits: int) -> FloatArray:
    """Decoded b-bit codes of rows (q, e): ŷ = m + s·rint((y − m)/s), m = min y, s = (max y − min y)/(2^b − 1)."""
    low, step, codes = range_integers(rows, bits)
    return np.asarray(low + step * codes, dtype=np.float32)


def sign_coded(rows: FloatArray) -> FloatArray:
    """Decoded 1-bit codes of rows (q, e): ŷ = a·sign(y), a = ‖y‖²/Σ|y|, with which ⟨ŷ, y⟩ = ‖y‖²; sign(0) is 1.

    The least-squares scale Σ|y|/e would shrink scores against the numbers that are kept, which costs recall.
    """
    rows = np.ascontiguousarray(rows)
    sums = row_dots(np.abs(rows), np.ones(rows.shape[1], np.float32))
    scale = row_squares(rows) / np.where(sums > 0, sums, 1)
    return np.where(rows >= 0, scale[:, None], -scale[:, None]).astype(np.float32)
