"""What determines a result or a model, as a hash: the same work has the same id on every machine."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation import metric_set
from vq_benchmark.machine.provenance import release
from vq_benchmark.quantizers.registry import plugin_of
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.measure_spec import MeasureSpec

MEASURE_WITHOUT_EFFECT = frozenset({"ground_truth_path", "skip_ground_truth", "slow"})
"""Fields of `MeasureSpec` that don't change a result: a place, a permission, and what `with_recall` stands for."""
MEASURE_KEYS = {
    "train_size": "train_size", "k": "k", "max_candidates": "candidates", "num_pairs": "num_pairs",
    "with_recall": "with_recall", "with_pairwise": "with_pairwise", "with_rank": "with_rank", "with_qps": "with_qps",
}  # fmt: skip
"""Fields of `MeasureSpec` that are hashed whatever their value, and their key in what is hashed.

Any other field is hashed where it differs from its default, so that a new one leaves the ids of earlier rows alone.
"""
CELL_DEFAULTS = {"query_bits": "float", "engine": ""}
"""Fields of `Cell` that are hashed only where they differ from these; `rerank` counts as part of the measurement."""
DATA_WITHOUT_EFFECT = frozenset(
    {
        "name", "base", "learn", "neighbors", "revision", "files", "split", "notes", "origins", "asked",
        "left_out_queries",
    }
)  # fmt: skip
"""Fields of `Dataset` that don't change a result: names, and what others stand for, `fingerprint` for `base`."""
DATA_DEFAULTS = {"train_queries": None}
"""Fields of `Dataset` that are hashed only where they differ from these."""
DATA_KEYS = {"distance": "metric"}
"""Fields of `Dataset` whose key in what is hashed is another than their name."""


def run_id(dataset: Dataset, options: Options, cell: Cell) -> str:
    """Hash of everything that determines the result of a cell, as 24 hex digits.

    That is every field of data set, measurement and cell but the exceptions above, so that a new one counts unless
    somebody says no, and the code of a method that comes from a plugin.
    """
    absent = {name for name, default in DATA_DEFAULTS.items() if getattr(dataset, name) is default}
    fields_of_data = determining(dataset, DATA_WITHOUT_EFFECT | absent)
    data = {DATA_KEYS.get(name, name): value for name, value in fields_of_data.items()} | {
        "learn_fingerprint": _learn_fingerprint(dataset, options.measure.train_size)
    }
    return _digest(
        {
            "version": release(),
            "metric_set": metric_set.VERSION,
            "data": data,
            "options": measured(cell.measure(options.measure)),
            "cell": determining(cell, _cell_without_effect(cell)),
        }
        | _code(cell.method)
    )


def _cell_without_effect(cell: Cell) -> set[str]:
    """Fields that don't change a result, and those at a default that earlier rows had without saying so."""
    absent = {name for name, default in CELL_DEFAULTS.items() if getattr(cell, name) == default}
    return {"budget", "rerank"} | absent


def model_id(dataset: Dataset, train_size: int, cell: Cell) -> str:
    """Hash of everything that determines the fitted model of a cell, as 24 hex digits."""
    return _digest(
        {
            "version": release(),
            "base": dataset.fingerprint,
            "learn": _learn_fingerprint(dataset, train_size),
            "train_size": train_size,
            "method": cell.method,
            "config": dict(cell.config),
            "seed": cell.seed,
        }
        | ({} if dataset.train_queries is None else {"train_queries": _as_json(dataset.train_queries)})
        | _code(cell.method)
    )


def measured(measure: MeasureSpec) -> dict[str, Any]:
    """What of a measurement is part of the identity of a row, by key."""
    return {
        MEASURE_KEYS.get(name, name): value
        for name, value in measure.model_dump(mode="json", exclude=set(MEASURE_WITHOUT_EFFECT)).items()
        if name in MEASURE_KEYS or value != type(measure).model_fields[name].default
    }


def determining(specification: Any, without_effect: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a dataclass by name, as values of JSON; arrays, and data sets of arrays, by their hashes."""
    return {
        each.name: _as_json(getattr(specification, each.name))
        for each in fields(specification)
        if each.name not in without_effect
    }


def _as_json(value: Any) -> Any:
    if is_dataclass(value):  # without what is absent, which earlier rows did not know
        return {name: each for name, each in determining(value).items() if each is not None}
    if isinstance(value, np.ndarray):
        return hashlib.blake2b(np.ascontiguousarray(value).tobytes() + str(value.shape).encode()).hexdigest()
    return dict(value) if isinstance(value, Mapping) else value


def _code(method: str) -> dict[str, str]:
    """The hash of the code of a method from outside the package; the release stands for those of the package."""
    plugin = plugin_of(method)
    return {} if plugin is None else {"plugin": plugin.hash}


def _learn_fingerprint(dataset: Dataset, train_size: int) -> str | None:
    return None if dataset.training_source(train_size) is dataset.base else dataset.learn_fingerprint


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]
