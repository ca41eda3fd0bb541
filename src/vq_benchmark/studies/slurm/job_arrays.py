"""Numbers of tasks as job arrays: ranges, cut at the cluster's limit, several tasks to an element or one."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

MOST_TASKS = 4_000_001
"""The greatest MaxArraySize that slurm.conf accepts."""


@dataclass(frozen=True)
class ArrayPart:
    """One call of sbatch: element `e` of the array runs the tasks from `offset + e * size` on, `size` of them."""

    offset: int
    text: str
    """The value of `--array`, such as 1,3,7-12%4."""
    count: int
    """Elements of the array, which SLURM counts as jobs."""
    size: int = 1

    def first(self, count: int) -> Self:
        """The same with its first elements only."""
        _, percent, limit = self.text.partition("%")
        ids = expanded(self.text)[:count]
        return replace(self, text=compressed(ids) + percent + limit, count=len(ids))


def array_parts(
    indices: Iterable[int], max_array_size: int, limit: int | None = None, size: int = 1
) -> list[ArrayPart]:
    """The fewest arrays that cover these tasks with indices below the cluster's MaxArraySize.

    An element stands for `size` tasks in a row, whichever of them are wanted: those that are done end at once.
    `limit` is the most elements that run at once; several arrays share it, with at least one each.
    """
    elements = sorted({index // size for index in indices})
    groups = [
        (quotient * max_array_size * size, [element % max_array_size for element in group])
        for quotient, group in itertools.groupby(elements, key=lambda element: element // max_array_size)
    ]
    suffix = "" if limit is None else f"%{max(1, limit // max(1, len(groups)))}"
    return [ArrayPart(offset, compressed(ids) + suffix, len(ids), size) for offset, ids in groups]


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
