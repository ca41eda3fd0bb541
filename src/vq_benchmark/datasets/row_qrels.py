"""Relevance judgements by row number."""

from pathlib import Path

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

MOST_RELEVANT = 2**31 - 1


def read_qrels(path: Path, num_queries: int, n: int) -> IdArray:
    """Judgements in the TREC layout `query 0 base_row relevance`, any white space, as (judgements, 3) int64.

    Raises:
        InputError: a line has another layout, or names a query or a base row that does not exist.
    """
    with reading(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    judged = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            query, _, row, relevance = (int(field) for field in fields)
        except ValueError:
            raise InputError(
                f"{str(path)!r}, line {number}: {line!r} is not four integers: query 0 base_row relevance."
            ) from None
        if abs(relevance) > MOST_RELEVANT:
            raise InputError(f"{str(path)!r}, line {number}: the relevance must be at most {MOST_RELEVANT}.")
        if not (0 <= query < num_queries and 0 <= row < n):
            raise InputError(
                f"{str(path)!r}, line {number}: query {query} and base row {row} must be below {num_queries} and {n}."
            )
        judged.append((query, row, relevance))
    return np.array(judged, dtype=np.int64).reshape(len(judged), 3)
