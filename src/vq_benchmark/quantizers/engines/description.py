"""What there is to say about a setting of an engine, for people and for programs."""

from dataclasses import asdict
from typing import Any

import numpy as np

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.engines.setting import EngineSetting
from vq_benchmark.quantizers.registry import get_quantizer

TRAINING_ROWS = 1024
"""Rows that a method is fitted to, to see the size of its codes."""
STATED = (
    "engine", "setting", "role", "method", "parameters", "query", "query_bits", "learned", "rerank", "version",
    "truth", "reason", "checked", "distances",
)  # fmt: skip


def described(setting: EngineSetting, d: int, distance: str) -> dict[str, Any]:
    """The row of a setting for vectors of dimension d, as JSON values, with bytes per vector or why it is refused."""
    row = setting
    record: dict[str, Any] = {"bytes_per_vector": None, "refused": None}
    try:
        row = setting.at(d, distance)
        record["bytes_per_vector"] = code_bytes(row, d)
    except InputError as error:
        record["refused"] = str(error)
    stated = asdict(row)
    return {"name": setting.name} | {name: stated[name] for name in STATED} | record


def code_bytes(row: EngineSetting, d: int) -> int:
    """Bytes of a code of a row that `EngineSetting.at` made, counted from one."""
    parameters = row.parsed()
    size = getattr(parameters, "code_bytes", None)
    if size is not None:
        return int(size(d) if callable(size) else size)
    rows = np.random.default_rng(0).standard_normal((TRAINING_ROWS, d)).astype(np.float32)
    return get_quantizer(row.method, **row.parameters).fit(rows).code_bytes
