"""The digest of what a pass has read: of any partition, of changed, moved and swapped rows."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.dataset import Dataset, Judgements
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import ChangedData
from vq_benchmark.evaluation.content import MODULUS, ContentDigest, first_changed_rows, rows_digest
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.ground_truths.ground_truth_files import load_truths, save_truths
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass, tiles
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.studies.ground_truths import belonging_of


def made(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def test_the_digest_is_the_one_that_was_stored_before():
    """A known answer: another one would make every stored ground truth and row seem changed."""
    rows = np.arange(24, dtype=np.float32).reshape(4, 6) - 7
    assert f"{rows_digest(rows, 0):016x}" == "7f15a0ad377f3985"
    assert f"{rows_digest(rows[:, :5].copy(), 10_000_000_000):016x}" == "69eff31abeb3eac3"


@given(data=st.data(), n=st.integers(1, 60), d=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_parts_add_up_to_the_whole_in_any_order(data, n, d):
    rows, first = made(n, d), data.draw(st.integers(0, 2**40))
    cuts = sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=4))})
    parts = [rows_digest(rows[a:b], first + a) for a, b in itertools.pairwise(cuts)]
    assert sum(data.draw(st.permutations(parts))) % MODULUS == rows_digest(rows, first)


@given(data=st.data(), n=st.integers(1, 20), d=st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_one_changed_bit_changes_it(data, n, d):
    rows = made(n, d)
    changed = rows.copy()
    bit = np.uint32(1 << data.draw(st.integers(0, 31)))
    changed.view(np.uint32)[data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, d - 1))] ^= bit
    assert rows_digest(changed, 0) != rows_digest(rows, 0)


@pytest.mark.parametrize("d", [1, 2, 3, 16, 385])
def test_order_sign_and_place_count(d):
    rows = made(50, d)
    same = rows_digest(rows, 0)
    others = {
        "rows swapped": rows[::-1], "negated": -rows, "elsewhere": None, "a row twice": rows[[0, *range(49)]],
    }  # fmt: skip
    if d > 1:
        others["upper half negated"] = np.where(np.arange(d) >= d // 2, -rows, rows)
        others["columns swapped"] = rows[:, ::-1]
    digests = [rows_digest(rows, 1) if each is None else rows_digest(each, 0) for each in others.values()]
    assert same not in digests
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("edges", [(0, 3 * TILE_ROWS), (0, 4096, 12_288), (0, 1, 7777, 7778, 12_000, 12_288)])
@pytest.mark.parametrize("batch", [1, 20_000])
def test_passes_over_any_partition_read_the_same(edges, batch):
    base = ArraySource(made(3 * TILE_ROWS, 5))
    merged = ContentDigest()
    for start, stop in reversed(list(itertools.pairwise(edges))):
        part = ContentDigest()
        for tile in tiles(base, "l2", Pass(start, stop, batch)):
            part.add(tile.first // TILE_ROWS, tile.digest)
        merged.merge(part)
    assert merged.hex == f"{rows_digest(base.array, 0):016x}"
    assert ContentDigest.from_arrays(merged.to_arrays()) == merged


def test_only_tiles_of_which_the_same_rows_were_seen_are_compared():
    one, other = ContentDigest({0: 1, 1: 2, 3: 9}), ContentDigest({0: 1, 1: 3, 2: 5})
    assert first_changed_rows(one, [(0, 20)], other, [(0, 30)], 10) == (10, 20)
    assert first_changed_rows(one, [(0, 15)], other, [(0, 30)], 10) is None
    assert first_changed_rows(one, [(0, 15)], other, [(5, 15)], 10) == (10, 15)


def dataset(base: np.ndarray) -> Dataset:
    return Dataset("made", ArraySource(base), made(5, base.shape[1], seed=9), "l2", fingerprint="made")


@pytest.mark.parametrize("span", [None, (0, 3000), (4096, 9000)])
def test_a_measurement_against_the_truth_of_other_rows_fails(span):
    base = made(9000, 6)
    start, stop = span or (0, 9000)
    ground_truths = exact_truths(dataset(base), 10, Pass(start, stop))
    changed = base.copy()
    changed[start + 17, 3] += 1
    none = get_quantizer("none").fit(base)
    with pytest.raises(ChangedData, match=rf"rows {start} to {min(start + TILE_ROWS, stop)} differ from those that"):
        evaluate(none, dataset(changed), pass_=Pass(start, stop), ground_truths=ground_truths, k=10)
    assert evaluate(none, dataset(base), pass_=Pass(start, stop), ground_truths=ground_truths, k=10).missing == (
        [] if span is None else [span_ for span_ in ((0, start), (stop, 9000)) if span_[0] < span_[1]]
    )


def test_chunks_measured_before_and_after_a_change_make_no_metrics():
    """The truth is of all rows as they were; the second chunk was changed, and cut so that no tile shows it alone."""
    base = made(TILE_ROWS + 100, 6)
    changed = base.copy()
    changed[-1] += 1
    none = get_quantizer("none").fit(base)
    ground_truths = exact_truths(dataset(base), 10)
    cut = TILE_ROWS + 50
    whole = evaluate(none, dataset(base), pass_=Pass(stop=cut), ground_truths=ground_truths, k=10)
    whole.merge(evaluate(none, dataset(changed), pass_=Pass(cut), ground_truths=ground_truths, k=10))
    with pytest.raises(ChangedData, match="rows 4096 to 4196"):
        finished_metrics(whole)


@pytest.mark.parametrize("stored", [False, True])
def test_truths_with_judged_queries_merge_to_the_content_of_the_whole(stored, tmp_path):
    """The queries and the judged ones have read the same rows, which must not count twice."""
    base = made(9000, 6)
    judgements = Judgements(made(3, 6, seed=8), np.array([[0, 5, 1]]))
    data = replace(dataset(base), judgements=judgements)
    whole = exact_truths(data, 5)
    parts = [exact_truths(data, 5, Pass(start, stop)) for start, stop in ((0, 4096), (4096, 9000))]
    if stored:
        for number, part in enumerate(parts):
            path = tmp_path / f"{number}.npz"
            save_truths(path, part, belonging_of(data), squared_norms(data.queries))
            parts[number] = load_truths(path, belonging_of(data), 5, part.queries.span)
    parts[0].merge(parts[1])
    assert parts[0].queries.content == parts[0].judged.content == whole.queries.content == whole.judged.content


def test_truths_of_different_contents_do_not_merge():
    base = made(300, 4)
    changed = base.copy()
    changed[250] += 1
    one, other = exact_truths(dataset(base), 5), exact_truths(dataset(changed), 5)
    with pytest.raises(ChangedData):
        one.merge(other)
