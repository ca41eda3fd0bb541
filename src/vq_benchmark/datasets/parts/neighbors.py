"""Neighbours as publishers publish them: more rows than queries in use, counted from 1, padded, of a larger base."""

from dataclasses import dataclass

from vq_benchmark.arrays import IdArray
from vq_benchmark.errors import InputError


@dataclass(frozen=True)
class UsableNeighbors:
    """The neighbours that can be used, and what was done to them."""

    ids: IdArray
    """(queries, k) int64 rows of the base, from 0."""
    remarks: tuple[str, ...]
    """Ends of sentences that begin with what the neighbours are."""


def usable_neighbors(ids: IdArray, n: int, queries: int) -> UsableNeighbors:
    """The rows of the queries in use, as far as each of them lists rows of the base.

    Numbers from 1 to n are rows counted from 1. Whether others are is for a check against the vectors to say.

    Args:
        ids: (rows, k) int64; a number below 0 pads a list.
        n: rows of the base.
        queries: queries in use, which are the first ones.

    Raises:
        InputError: there are fewer lists than queries, or a list does not even begin with a row of the base.
    """
    if len(ids) < queries:
        raise InputError(
            f"there are neighbours of {len(ids)} queries, but {queries} queries; use --num-queries {len(ids)} if "
            "they are those of the first queries."
        )
    ids, remarks = ids[:queries], []
    listed = ids[ids >= 0]
    if listed.size and listed.min() >= 1 and listed.max() == n:
        ids = ids - 1
        remarks.append(f"count rows from 1 to {n}, so 1 is subtracted")
    outside = (ids < 0) | (ids >= n)
    depth = ids.shape[1]
    if outside.any():
        depth = int(outside.any(axis=0).argmax())
        query = int(outside[:, depth].argmax())
        said = f"query {query} lists row {ids[query, depth]} at rank {depth + 1}"
        padded = "a padded list, as of a filtered search"
        why = padded if ids[query, depth] < 0 else f"the base has rows 0 to {n - 1}"
        if depth == 0:
            raise InputError(f"{said} ({why}).")
        remarks.append(f"are not used beyond rank {depth}: {said} ({why})")
    return UsableNeighbors(ids[:, :depth], tuple(remarks))
