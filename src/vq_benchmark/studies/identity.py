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

OPTIONS_WITHOUT_EFFECT = frozenset({
    "cache_dir", "codebooks_dir", "checkpoints", "ground_truth_path", "batch_size", "threads", "memory",
    "stage_to_tmp", "slow",
})  # fmt: skip
"""Places, the machine, and permissions: fields of `Options` that don't change a result."""
DATA_WITHOUT_EFFECT = frozenset({"name", "base", "learn", "neighbors", "revision", "files", "notes"})
"""Fields of `Dataset` that don't change a result: names, and what others stand for, `fingerprint` for `base`."""


def run_id(dataset: Dataset, options: Options, cell: Cell) -> str:
    """Hash of everything that determines the result of a cell, as 24 hex digits.

    That is every field of the three but the exceptions above, so that a new one counts unless somebody says no, and
    the code of a method that comes from a plugin.
    """
    data = determining(dataset, DATA_WITHOUT_EFFECT) | {
        "learn_fingerprint": _learn_fingerprint(dataset, options.train_size)
    }
    return _digest(
        {
            "version": release(),
            "metric_set": metric_set.VERSION,
            "data": data,
            "options": determining(options, OPTIONS_WITHOUT_EFFECT),
            "cell": determining(cell),
        }
        | _code(cell.method)
    )


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
        | _code(cell.method)
    )


def determining(specification: Any, without_effect: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a dataclass by name, as values of JSON; arrays, and data sets of arrays, by their hashes."""
    return {
        each.name: _as_json(getattr(specification, each.name))
        for each in fields(specification)
        if each.name not in without_effect
    }


def _as_json(value: Any) -> Any:
    if is_dataclass(value):
        return determining(value)
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
