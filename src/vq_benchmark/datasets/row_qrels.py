"""Relevance judgements by row number."""

from pathlib import Path

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import NOT_IN_BASE
from vq_benchmark.datasets.text.qrels import read_judgements, whole_number
from vq_benchmark.errors import InputError


def read_qrels(path: Path, num_queries: int, n: int) -> IdArray:
    """Judgements `query 0 base_row relevance`, in any layout of `text.qrels`, as (judgements, 3) int64.

    The base row −1 is a judged vector that is not in the base.

    Raises:
        InputError: a line has another layout, or names a query or a base row that does not exist.
    """
    judged = []
    for judgement in read_judgements(path):
        query, row = whole_number(judgement.query), whole_number(judgement.passage)
        if query is None or row is None:
            raise InputError(
                f"{str(path)!r}, line {judgement.line}: query {judgement.query!r} and base row {judgement.passage!r} "
                "must be numbers of rows, from 0: query 0 base_row relevance."
            )
        if not (0 <= query < num_queries and (0 <= row < n or row == NOT_IN_BASE)):
            raise InputError(
                f"{str(path)!r}, line {judgement.line}: query {query} and base row {row} must be below {num_queries} "
                f"and {n}; a row that is not in the base is {NOT_IN_BASE}."
            )
        judged.append((query, row, judgement.relevance))
    return np.array(judged, dtype=np.int64).reshape(len(judged), 3)
