"""What determines a run_id and what does not: every field of what a cell is made from, so that none is forgotten."""

from contextvars import copy_context
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from adding_page import WIDEST
from flat_options import changed_options, flat_options

from vq_benchmark.datasets.dataset import Dataset, Judgements
from vq_benchmark.datasets.file_states import FileState
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.evaluation import metric_set
from vq_benchmark.machine.memory import MemoryLimit
from vq_benchmark.machine.provenance import release
from vq_benchmark.quantizers.registry import use_plugins
from vq_benchmark.results.checkpoints import Checkpoints
from vq_benchmark.studies.cells import Cell, Machine, Options
from vq_benchmark.studies.identity import (
    DATA_WITHOUT_EFFECT,
    MEASURE_KEYS,
    MEASURE_WITHOUT_EFFECT,
    model_id,
    run_id,
)
from vq_benchmark.studies.measure_spec import MeasureSpec

ROWS = np.arange(40, dtype=np.float32).reshape(10, 4)
SOURCE = ArraySource(ROWS)
JUDGED = Judgements(ROWS[:2], np.ones((2, 3), np.int64))
LEARN = ArraySource(ROWS)
DATASET = Dataset("made", SOURCE, ROWS[:3], "l2", LEARN, None, JUDGED, fingerprint="f", learn_fingerprint="g")
OPTIONS = flat_options(Path("cache"), Path("codebooks"), train_size=5)
CELL = Cell("pq", {"m": 2, "nbits": 4}, 3, 0, 10)

RELEASE_OF_IDS = ("0.1", 3)

OTHER_DATA = {
    "name": "other", "base": ArraySource(ROWS[:9]), "queries": ROWS[1:4], "distance": "ip",
    "learn": ArraySource(ROWS[:7]), "neighbors": np.zeros((3, 1), np.int64),
    "judgements": Judgements(ROWS[:2], np.zeros((2, 3), np.int64)),
    "fingerprint": "h", "learn_fingerprint": "h", "revision": "r", "files": (FileState("x", 1, 2),), "notes": ("n",),
    "split": "s", "asked": {"dataset": "x"}, "train_queries": ROWS[5:],
}  # fmt: skip
OTHER_MEASURE = {"ground_truth_path": Path("gt"), "with_qps": True, "rerank": "int8", "target_recall": 0.9}
OTHER_MACHINE = {
    "cache_dir": Path("c"), "codebooks_dir": Path("c"), "batch_size": 5, "threads": 2,
    "checkpoints": Checkpoints(Path("k")), "memory": MemoryLimit(1, "x"), "stage_to_tmp": True, "use_gpu": True,
}  # fmt: skip
OTHER_CELL = {
    "method": "opq", "config": {"m": 2, "nbits": 5}, "seed": 4, "start": 1, "stop": 9, "query_bits": "4",
    "budget": 2.0, "engine": "qdrant:int8",
}  # fmt: skip
WITHOUT_EFFECT = DATA_WITHOUT_EFFECT | MEASURE_WITHOUT_EFFECT | OTHER_MACHINE.keys() | {"budget"}
MODEL = {"fingerprint", "learn_fingerprint", "train_queries", "train_size", "method", "config", "seed"}
"""The fields that a model depends on."""


def other(name):
    """Another value of a field of `MeasureSpec`, whatever it is."""
    value = getattr(OPTIONS.measure, name)
    if name in OTHER_MEASURE or isinstance(value, bool):
        return OTHER_MEASURE.get(name, not value)
    return value - 1 if value > 1 else value + 1


def changed(name):
    """The three specifications, one of them with another value in that field."""
    data = replace(DATASET, **{name: OTHER_DATA[name]}) if name in OTHER_DATA else DATASET
    others = OTHER_MACHINE | {each: other(each) for each in MeasureSpec.model_fields}
    options = changed_options(OPTIONS, **{name: others[name]}) if name in others else OPTIONS
    return data, options, replace(CELL, **{name: OTHER_CELL[name]}) if name in OTHER_CELL else CELL


FIELDS = [each.name for kind in (Dataset, Machine, Cell) for each in fields(kind)] + list(MeasureSpec.model_fields)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_counts_but_the_exceptions(name):
    data, options, cell = changed(name)
    assert (options != OPTIONS) == (name in {*MeasureSpec.model_fields, *OTHER_MACHINE})
    same = run_id(data, options, cell) == run_id(DATASET, OPTIONS, CELL)
    turns_recall_off = name == "skip_ground_truth"
    assert same == (name in WITHOUT_EFFECT and not turns_recall_off)
    same = model_id(data, options.measure.train_size, cell) == model_id(DATASET, OPTIONS.measure.train_size, CELL)
    assert same == (name not in MODEL)


def test_the_exceptions_are_fields():
    assert {each.name for each in fields(Dataset)} >= DATA_WITHOUT_EFFECT
    assert MeasureSpec.model_fields.keys() >= MEASURE_WITHOUT_EFFECT | MEASURE_KEYS.keys()


def test_a_new_option_leaves_the_ids_of_earlier_rows():
    class Later(MeasureSpec):
        later: int = 32

    before = run_id(DATASET, OPTIONS, CELL)
    later = [Options(Later(train_size=5, later=bits), OPTIONS.machine) for bits in (32, 8)]
    same = [run_id(DATASET, options, CELL) == before for options in later]
    assert same == [True, False]


def test_rows_that_are_left_out_count_and_without_any_the_id_is_that_of_earlier_rows():
    def with_own(own):
        return run_id(replace(DATASET, judgements=replace(DATASET.judgements, own_rows=own)), OPTIONS, CELL)

    assert with_own(None) == run_id(DATASET, OPTIONS, CELL)
    assert len({with_own(own) for own in (None, np.array([1, -1]), np.array([-1, 1]))}) == 3


def test_judged_queries_and_the_shape_of_queries_count():
    others = [
        replace(DATASET, judgements=Judgements(ROWS[1:3], DATASET.judgements.qrels)),
        replace(DATASET, judgements=None),
        replace(DATASET, queries=DATASET.queries.reshape(4, 3)),
        replace(DATASET, queries=-DATASET.queries),
    ]
    ids = [run_id(each, OPTIONS, CELL) for each in (DATASET, *others)]
    assert len(set(ids)) == len(ids)


def test_learn_vectors_that_are_not_trained_on_do_not_count():
    large = changed_options(OPTIONS, train_size=11)
    assert run_id(DATASET, large, CELL) == run_id(replace(DATASET, learn_fingerprint="h"), large, CELL)


def test_the_order_of_parameters_does_not_count():
    assert run_id(DATASET, OPTIONS, CELL) == run_id(DATASET, OPTIONS, replace(CELL, config={"nbits": 4, "m": 2}))


def test_another_release_counts(monkeypatch):
    before = run_id(DATASET, OPTIONS, CELL), model_id(DATASET, 5, CELL)
    monkeypatch.setattr("vq_benchmark.studies.identity.release", lambda: "9.9")
    assert (run_id(DATASET, OPTIONS, CELL), model_id(DATASET, 5, CELL)) != before


@pytest.mark.parametrize(
    ("changes", "run", "model"),
    [
        ({}, "f79b54554ebc10cb589f53eb", "1caea1d72f2d3a89e4786df6"),
        (
            {"k": 10, "max_candidates": 50, "num_pairs": 500, "train_size": 400},
            "4ca1113cba95e68d811f4b75", "f3892d5e12d3242f4952e0dc",
        ),
        ({"with_recall": False, "with_pairwise": False}, "8917a7e0fc61460ad9541cd1", "1caea1d72f2d3a89e4786df6"),
        (
            {"with_rank": False, "with_qps": True, "train_size": 8},
            "89707776471907a173ddcfc0", "5b2db9c5c8209dd6d7fa7794",
        ),
    ],
)  # fmt: skip
def test_stored_rows_and_models_keep_their_ids(monkeypatch, changes, run, model):
    monkeypatch.setattr("vq_benchmark.studies.identity.release", lambda: "0.1")
    monkeypatch.setattr("vq_benchmark.evaluation.metric_set.VERSION", 1)
    options = changed_options(OPTIONS, **{"train_size": 20_000} | changes)
    assert run_id(DATASET, options, CELL) == run
    assert model_id(DATASET, options.measure.train_size, CELL) == model


def test_ids_of_the_packages_methods_are_those_of_earlier_versions():
    """So that models and rows that exist are found. A new release, or metric set, changes these."""
    base = np.arange(800, dtype=np.float32).reshape(100, 8)
    data = Dataset("made", ArraySource(base), base[:3].copy(), "l2", fingerprint="f", files=())
    options = flat_options(Path("a"), Path("b"))
    scalar, product = Cell("sq", {"bits": 4}, 0, 0, 100), Cell("pq", {"m": 4, "nbits": 8}, 1, 0, 50)
    assert (release(), metric_set.VERSION) == RELEASE_OF_IDS, "write down the ids of this one"
    assert run_id(data, options, scalar) == "33f6f37a1cffdc7223e7b4c4"
    assert model_id(data, 20_000, scalar) == "babf163a1a4c6f01c9a85ec5"
    assert run_id(data, options, product) == "69678267457bbf7332012d00"
    assert model_id(data, 20_000, product) == "30ff338e8303414b0906b9a9"


def test_the_code_of_a_plugin_counts(tmp_path):
    path = tmp_path / "widest.py"
    cell = Cell("widest", {"kept": 2}, 0, 0, 10)

    def ids(text):
        path.write_text(text)
        use_plugins([str(path)])
        return run_id(DATASET, OPTIONS, cell), model_id(DATASET, OPTIONS.measure.train_size, cell)

    first, changed, again = (copy_context().run(ids, text) for text in (WIDEST, WIDEST + "\n", WIDEST))
    assert first == again
    assert first[0] != changed[0] and first[1] != changed[1]


def test_the_second_stage_of_a_cell_is_that_of_a_measurement():
    own, measured = replace(CELL, rerank="int8"), changed_options(OPTIONS, rerank="int8")
    assert run_id(DATASET, OPTIONS, own) == run_id(DATASET, measured, CELL) != run_id(DATASET, OPTIONS, CELL)
