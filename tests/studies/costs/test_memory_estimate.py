"""The estimate against the peaks of real processes, and what is made of it."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flat_options import changed_options
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.machine.memory import GIB, MIB, MemoryLimit
from vq_benchmark.quantizers.registry import get_quantizer, registered
from vq_benchmark.studies.cells import Machine, Options
from vq_benchmark.studies.costs.memory_estimate import (
    DataFacts,
    MemoryEstimate,
    block_size_that_fits,
    cell_estimate,
    truth_estimate,
)
from vq_benchmark.studies.measure_spec import MeasureSpec

TOLERANCE = 0.3
METHODS = [name for name, method in registered().items() if method.unavailable() is None]
MEASURE = Path(__file__).with_name("measure_peaks.py")
FACTS = DataFacts(n=1_000_000, d=256, queries=1000, training=20_000)
OPTIONS = Options(MeasureSpec(), Machine(cache_dir=Path(), codebooks_dir=Path()))
PROGRAM = (sys.executable, "-m", "vq_benchmark")


@pytest.fixture(scope="module")
def peaks(tmp_path_factory):
    """Estimate and peak of a cell, and of finding its neighbours, by method and size; and the peak of a real run."""
    folder = tmp_path_factory.mktemp("peaks")
    environment = os.environ | {"NUMBA_THREADING_LAYER": "workqueue"}  # OpenMP's threads cannot be forked
    measure = [sys.executable, str(MEASURE), str(folder)]
    subprocess.run([*measure, "make-data"], check=True, env=environment)
    real = [
        *PROGRAM, "run", "--dataset", folder / "small", "--metric", "l2", "--method", "none", "--threads", "1",
        "--train-size", "2000", "--db-path", folder / "x.db", "--codebooks-dir", folder, "--cache-dir", folder,
    ]  # fmt: skip
    subprocess.run(real, check=True, capture_output=True)
    with sqlite3.connect(folder / "x.db") as connection:
        ((real_peak,),) = connection.execute("SELECT peak_memory_bytes FROM benchmark_runs")
    result = subprocess.run([*measure, *METHODS], check=True, capture_output=True, text=True, env=environment)
    found = {(method, size): rest for method, size, *rest in map(json.loads, result.stdout.splitlines())}
    return real_peak, found


def test_a_real_run_peaks_where_it_was_estimated(peaks):
    real_peak, found = peaks
    assert found["none", "small"][0][0] == pytest.approx(real_peak, rel=TOLERANCE)


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("method", METHODS)
def test_the_estimate_is_near_the_peak(peaks, method, size):
    real_peak, found = peaks
    unseen_pages = max(real_peak - found["none", "small"][0][1], 0)
    for estimate, peak in found[method, size]:
        assert estimate == pytest.approx(peak + unseen_pages, rel=TOLERANCE)


@pytest.mark.parametrize("method", METHODS)
def test_more_of_anything_never_takes_less(method):
    quantizer = get_quantizer(method)
    least = cell_estimate(FACTS, quantizer, OPTIONS, FACTS.n).total
    more = [
        cell_estimate(replace(FACTS, **{name: 2 * getattr(FACTS, name)}), quantizer, OPTIONS, FACTS.n).total
        for name in ("d", "queries", "training")
    ]
    more += [
        cell_estimate(FACTS, quantizer, changed_options(OPTIONS, **changed), FACTS.n).total
        for changed in ({"batch_size": 65_536}, {"max_candidates": 400}, {"threads": 2}, {"with_qps": True})
    ]
    assert min(more) >= least
    assert cell_estimate(FACTS, quantizer, OPTIONS, FACTS.n, with_fit=False).total <= least


def test_memory_does_not_grow_with_the_number_of_vectors():
    larger = replace(FACTS, n=100 * FACTS.n)
    quantizer = get_quantizer("sq")
    assert cell_estimate(FACTS, quantizer, OPTIONS, FACTS.n) == cell_estimate(larger, quantizer, OPTIONS, larger.n)
    assert truth_estimate(FACTS, OPTIONS, FACTS.n) == truth_estimate(larger, OPTIONS, larger.n)


def test_a_search_index_holds_all_codes():
    without, index = (cell_estimate(FACTS, get_quantizer("none"), options, FACTS.n) for options in
                      (OPTIONS, changed_options(OPTIONS, with_qps=True)))  # fmt: skip
    assert (without.index, index.index) == (0, 4 * FACTS.n * FACTS.d)
    assert index.total - without.total > 0.9 * index.index


def test_threads_take_a_tile_each_up_to_four():
    coding = [cell_estimate(FACTS, get_quantizer("rabitq"), changed_options(OPTIONS, threads=threads), FACTS.n).coding
              for threads in (1, 2, 4, 64)]  # fmt: skip
    assert coding == [8 * FACTS.d * 1024 * tiles for tiles in (1, 2, 4, 4)]


@given(asked=st.integers(1, 300_000), spare=st.integers(0, 300_000))
def test_the_most_rows_that_fit(asked, spare):
    def estimate(batch_size):
        return MemoryEstimate(baseline=1000, queries=0, candidates=0, block=batch_size)

    limit = MemoryLimit(1000 + TILE_ROWS + spare, "a test")
    found = block_size_that_fits(estimate, asked, limit, "it")
    assert found % TILE_ROWS == 0 and estimate(found).total <= limit.bytes
    larger = found + TILE_ROWS
    assert larger >= asked + TILE_ROWS or estimate(larger).total > limit.bytes


@pytest.mark.parametrize(
    ("part", "advice"),
    [("training", "--train-size"), ("index", "--with-qps"), ("candidates", "--max-candidates"), ("tile", "memory.")],
)
def test_what_does_not_fit_is_refused_with_need_limit_and_what_to_change(part, advice):
    estimate = MemoryEstimate(**{"baseline": GIB, "queries": 0, "candidates": 0, part: 2 * GIB})
    limit = MemoryLimit(512 * MIB, "SLURM_MEM_PER_NODE")
    sentence = r"^pq m=8 needs about 3.0 GiB .* SLURM_MEM_PER_NODE allows 512.0 MiB"
    with pytest.raises(InputError, match=sentence) as error:
        block_size_that_fits(lambda batch_size: estimate, 65_536, limit, "pq m=8")
    assert str(error.value).endswith(".") and advice in str(error.value)
