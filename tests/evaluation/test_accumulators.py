"""Accumulators by themselves: merging, storing, and refusing what does not belong together."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.spans import joined
from vq_benchmark.evaluation.topk import TopCandidates
from vq_benchmark.machine.archive import pack


def accumulators(start: int, stop: int, with_top: bool = True) -> Accumulators:
    """What rows [start, stop) of a made-up pass leave behind: row r has the score -r for each of two queries."""
    out = Accumulators([(start, stop)])
    values = np.arange(start, stop) / 7
    out.add_joint_moments("a", values, np.sin(values))
    if with_top:
        ids = np.full((2, 3), -1, dtype=np.int64)
        ids[:, : stop - start] = np.arange(start, stop)[:3]
        scores = np.where(ids < 0, -np.inf, -ids)
        out.top = TopCandidates(scores, ids, scores)
    return out


@given(st.permutations(range(6)), st.booleans())
def test_parts_merge_to_the_whole_in_any_order(order: list[int], with_top: bool) -> None:
    edges = [0, 1, 3, 10, 50, 51, 99]
    parts = [accumulators(edges[i], edges[i + 1], with_top) for i in range(6)]
    before = [part.to_bytes() for part in parts]
    merged = Accumulators()
    for i in order:
        merged.merge(parts[i])
    assert merged.to_bytes() == accumulators(0, 99, with_top).to_bytes()
    assert [part.to_bytes() for part in parts] == before


def test_moments() -> None:
    whole = accumulators(0, 99)
    x = np.arange(99) / 7
    y = np.sin(x)
    expected = {"x:0": 99, "x:1": x.sum(), "x:2": (x * x).sum(), "y:1": y.sum(), "y:2": (y * y).sum()}
    for name, value in {**expected, "xy": (x * y).sum()}.items():
        assert whole.total(f"a:{name}") == pytest.approx(value, rel=1e-12)
    assert whole.total("never added") == 0


@pytest.mark.parametrize("with_top", [True, False])
def test_bytes_round_trip(with_top: bool) -> None:
    whole = accumulators(5, 60, with_top)
    whole.merge(accumulators(70, 80, with_top))
    again = Accumulators.from_bytes(whole.to_bytes())
    assert again.spans == [(5, 60), (70, 80)]
    assert again.sums == whole.sums
    assert (again.top is None) == (not with_top)
    assert again.to_bytes() == whole.to_bytes()
    again.merge(accumulators(60, 70, with_top))
    assert again.to_bytes() == accumulators(5, 80, with_top).to_bytes()


@pytest.mark.parametrize("span", [(5, 6), (0, 10), (9, 20), (0, 1)])
def test_rows_seen_twice_are_refused_and_nothing_changes(span: tuple[int, int]) -> None:
    mine = accumulators(0, 10)
    before = mine.to_bytes()
    with pytest.raises(ValueError, match="twice"):
        mine.merge(accumulators(*span))
    assert mine.to_bytes() == before


def test_parts_of_different_passes_are_refused_and_nothing_changes() -> None:
    mine, shallow = accumulators(0, 10), accumulators(10, 20)
    before = mine.to_bytes()
    with pytest.raises(ValueError, match="with and without"):
        mine.merge(accumulators(10, 20, with_top=False))
    shallow.top = TopCandidates.empty(2, 2)
    with pytest.raises(ValueError, match="shape"):
        mine.merge(shallow)
    assert mine.to_bytes() == before


def test_damaged_and_newer_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="archive"):
        Accumulators.from_bytes(accumulators(0, 10).to_bytes()[:-7])
    with pytest.raises(ValueError, match="format version is 99"):
        Accumulators.from_bytes(pack({"version": 99}, {}))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6))
def test_joined_spans_hold_the_same_rows(spans: list[tuple[int, int]]) -> None:
    rows = [row for start, stop in spans for row in range(start, stop)]
    if len(rows) != len(set(rows)):
        with pytest.raises(ValueError, match="twice"):
            joined(spans)
        return
    out = joined(spans)
    assert [row for start, stop in out for row in range(start, stop)] == sorted(rows)
    assert all(before[1] < after[0] for before, after in pairwise(out))
