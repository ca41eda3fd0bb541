"""Numbers of tasks as job arrays: ranges, cut to what the cluster takes at once."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_TASKS = 4_000_001
"""The greatest MaxArraySize that slurm.conf takes."""


@dataclass(frozen=True)
class ArrayPart:
    """One call of sbatch: the task is `offset` plus the index in the array."""

    offset: int
    text: str
    """As `--array` takes it, such as 1,3,7-12%4."""
    count: int


def array_parts(indices: Iterable[int], max_array_size: int, limit: int | None = None) -> list[ArrayPart]:
    """The fewest arrays whose indices are below the cluster's MaxArraySize and that are these tasks together.

    `limit` is how many tasks run at once; several arrays share it, each having at least one.
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
    """The numbers of such a text, whatever limit stands behind it.

    Raises:
        ValueError: it is no such text, or of more numbers than SLURM has in an array.
    """
    ends = (part.partition("-") for part in text.partition("%")[0].split(","))
    runs = [range(int(first), int(last or first) + 1) for first, _, last in ends]
    if sum(map(len, runs)) > MOST_TASKS:
        raise ValueError(f"the array {text[:40]!r} is larger than SLURM has them")
    return list(itertools.chain(*runs))
