"""The Viterbi kernel against a search over all paths."""

import itertools

import numpy as np
import pytest

from vq_benchmark.quantizers.kernels.viterbi import KINDS, LANES, aligned, best_path

MEMORY = 4


def searched(values: np.ndarray, kinds: list[int], books: np.ndarray, start: int, end: int) -> tuple[int, ...]:
    """The states of the path of least error for one lane, by trying every sequence of bits from every start."""
    best, least = (), np.inf
    starts = range(1 << MEMORY) if start < 0 else [start]
    for first, *symbols in itertools.product(starts, *(range(1 << KINDS[kind][0]) for kind in kinds)):
        state, at, error, path = first, 0, 0.0, []
        for kind, symbol in zip(kinds, symbols, strict=True):
            bits, width = KINDS[kind]
            state = ((state << bits) | symbol) % (1 << MEMORY)
            error += float(
                np.square(values[at : at + width] - books[kind, width * state : width * (state + 1)]).sum()
            )
            at += width
            path.append(state)
        if error < least and end in (-1, state):
            best, least = tuple(path), error
    return best


@pytest.mark.parametrize("kinds", [[1] * 7, [0, 1, 3], [3, 1, 2], [4, 1, 0], [5, 3], [2, 4]])
@pytest.mark.parametrize("closed", [False, True])
def test_no_path_is_better(kinds: list[int], closed: bool) -> None:
    rng = np.random.default_rng(len(kinds))
    widths = [KINDS[kind][1] for kind in kinds]
    values = aligned(sum(widths))
    values[:] = rng.standard_normal(values.shape)
    books = rng.standard_normal((len(KINDS), 2 << MEMORY)).astype(np.float32)
    states = np.empty((len(kinds), LANES), np.int32)
    costs, following = aligned(1 << MEMORY), aligned(1 << MEMORY)
    choices = np.empty((len(kinds), 1 << (MEMORY - 1), LANES), np.uint8)
    columns = np.cumsum([0, *widths[:-1]])
    reachable = sum(KINDS[kind][0] for kind in kinds) >= MEMORY
    fixed = np.arange(LANES) if closed and reachable else np.full(LANES, -1)
    best_path(
        values, np.array(kinds), columns, np.array(kinds), books, fixed, fixed, costs, following, choices, states
    )
    for lane in range(LANES):
        expected = searched(values[:, lane], kinds, books, int(fixed[lane]), int(fixed[lane]))
        assert tuple(states[:, lane]) == expected
