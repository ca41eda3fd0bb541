"""The values of each query of a finished row, as one small archive: what tests of one row against another need."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.machine.archive import ArchiveFormat
from vq_benchmark.machine.damage import taking_apart

FORMAT = ArchiveFormat("values of each query", version=1)
MOST_DISTINCT = 256
"""Distinct values that a table holds: their numbers take one byte a query."""
LOSS, EXACT = "_loss", "_exact"


@dataclass(frozen=True)
class PerQuery:
    """The values of each query of one row."""

    queries: str
    """Digest of what the values depend on besides the quantizer: two rows with the same digest pair up by query."""
    k: int
    """Depth of the ground truth."""
    kept: dict[str, DoubleArray]
    """(q,) float64 by metric, nan for queries that a metric leaves out; those of judged metrics may be others."""

    @property
    def names(self) -> list[str]:
        """The metrics that `values` knows."""
        losses = [f"{name.removesuffix(EXACT)}{LOSS}" for name in self.kept if name.endswith(EXACT)]
        return [*self.kept, *losses]

    def values(self, metric: str) -> DoubleArray | None:
        """(q,) float64 values of a metric, in the order of the queries; None if the row has none.

        A loss is the difference of the values that it is made of.
        """
        if metric in self.kept or not metric.endswith(LOSS):
            return self.kept.get(metric)
        quantized = metric.removesuffix(LOSS)
        if not {quantized, f"{quantized}{EXACT}"} <= self.kept.keys():
            return None
        return np.asarray(self.kept[f"{quantized}{EXACT}"] - self.kept[quantized])

    def to_bytes(self) -> bytes:
        """An archive that `from_bytes` reads; the same values always give the same bytes.

        Shares of a depth and metrics of at most 256 distinct values are kept exactly, all others as float32.
        """
        columns: list[dict[str, Any]] = []
        arrays: dict[str, list[Array]] = {}
        for name, values in self.kept.items():
            how, codes = _encoded(name, values)
            columns.append({"name": name, "type": codes.dtype.name, "count": len(codes), **how})
            arrays.setdefault(codes.dtype.name, []).append(codes)
        header = {"queries": self.queries, "k": self.k, "columns": columns}
        return FORMAT.pack(header, {kind: np.concatenate(parts) for kind, parts in arrays.items()})

    @classmethod
    @taking_apart(FORMAT.kind)
    def from_bytes(cls, data: bytes) -> Self:
        """The values that `to_bytes` wrote.

        Raises:
            ValueError: the bytes are damaged, or have another format version.
        """
        header, arrays = FORMAT.unpack(data)
        kept, used = {}, dict.fromkeys(arrays, 0)
        for column in header["columns"]:
            kind, start = column["type"], used[column["type"]]
            used[kind] = start + int(column["count"])
            codes = arrays[kind][start : used[kind]]
            if len(codes) != column["count"]:
                raise ValueError(f"{column['name']} has {len(codes)} values instead of {column['count']}")
            kept[str(column["name"])] = _decoded(column, codes)
        return cls(str(header["queries"]), int(header["k"]), kept)


@taking_apart(FORMAT.kind)
def queries_of(data: bytes) -> str:
    """The digest of the queries of the values that `to_bytes` wrote, without reading the values.

    Raises:
        ValueError: the bytes are damaged, or have another format version.
    """
    return str(FORMAT.header(data)["queries"])


def queries_digest(measurement: Measurement) -> str:
    """Digest of the exact best score of each query in the base and of the judgements; any depth gives the same."""
    digest = blake2b(digest_size=16)
    for truth in (measurement.truth, measurement.judged_truth):
        if truth is not None:
            digest.update(np.ascontiguousarray(truth.top.scores[:, :1], dtype="<f8").tobytes() + b"truth")
    digest.update(np.ascontiguousarray(measurement.qrels, dtype="<i8").tobytes())
    if measurement.own_rows is not None:
        digest.update(np.ascontiguousarray(measurement.own_rows, dtype="<i8").tobytes() + b"own rows")
    return digest.hexdigest()


def _encoded(name: str, values: DoubleArray) -> tuple[dict[str, Any], Array]:
    """How the values (q,) are written, and as what numbers (q,): as counts if they are shares of a depth."""
    for depth in map(int, re.findall(r"\d+", name)):
        counts = np.rint(values * depth)
        if np.array_equal(counts / depth, values) and counts.min(initial=0) >= 0:
            return {"of": depth}, counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) <= MOST_DISTINCT:
        table = [None if np.isnan(value) else value for value in distinct.tolist()]
        return {"table": table}, codes.astype(np.uint8)
    return {}, values.astype(np.float32)


def _decoded(column: dict[str, Any], codes: Array) -> DoubleArray:
    if "of" in column:
        return np.asarray(codes / np.float64(column["of"]))
    if "table" in column:
        return np.asarray(np.array(column["table"], dtype=np.float64)[codes])
    return codes.astype(np.float64)
