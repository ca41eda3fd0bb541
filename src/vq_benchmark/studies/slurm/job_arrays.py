"""Numbers of tasks as job arrays: ranges, cut at the cluster's limit."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_TASKS = 4_000_001
"""The greatest MaxArraySize that slurm.conf accepts."""


@dataclass(frozen=True)
class ArrayPart:
    """One call of sbatch: the task is `offset` plus the index in the array."""

    offset: int
    text: str
    """The value of `--array`, such as 1,3,7-12%4."""
    count: int


def array_parts(indices: Iterable[int], max_array_size: int, limit: int | None = None) -> list[ArrayPart]:
    """The fewest arrays that cover these tasks with indices below the cluster's MaxArraySize.

    `limit` is the most tasks that run at once; several arrays share it, with at least one each.
    """
    groups = [
        (quotient * max_array_size, [index % max_array_size for index in group])
        for quotient, group in itertools.groupby(sorted(set(indices)), key=lambda index: index // max_array_size)
    ]
    suffix = "" if limit is None else f"%{max(1, limit // max(1, len(groups)))}"
    return [ArrayPart(offset, compressed(ids) + suffix, len(ids)) for offset, ids in groups]


def compressed(indices: Sequence[int]) -> str:
    """Ascending numbers with runs written as ranges: 1,3,7-12."""
    runs = itertools.groupby(enumerate(indices), key=lambda pair: pair[1] - pair[0])
    ends = [(group[0][1], group[-1][1]) for group in (list(group) for _, group in runs)]
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ends)


def expanded(text: str) -> list[int]:
    """The numbers of such a text, without its limit.

    Raises:
        ValueError: it has another form, or more numbers than SLURM allows in an array.
    """
    ends = (part.partition("-") for part in text.partition("%")[0].split(","))
    runs = [range(int(first), int(last or first) + 1) for first, _, last in ends]
    if sum(map(len, runs)) > MOST_TASKS:
        raise ValueError(f"the array {text[:40]!r} is larger than SLURM allows")
    return list(itertools.chain(*runs))
