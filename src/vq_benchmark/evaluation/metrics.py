"""The metrics of a finished measurement. `metric_records` lists them, docs/METRICS.md holds the formulas."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vq_benchmark.evaluation.evidence import Evidence
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metric_records import RECORDS, MetricRecord
from vq_benchmark.evaluation.per_query import PerQuery, queries_digest
from vq_benchmark.evaluation.statistics.query_intervals import query_interval

INTERVAL = "_ci"
"""Ends the name of the 95 % confidence interval of a metric."""


class Metrics(dict[str, Any]):
    """Metric values by name; the 95 % confidence interval of `name` is the pair `name_ci`."""

    def __repr__(self) -> str:
        """One line per metric, with its interval."""
        names = [name for name in self if not name.endswith(INTERVAL)]
        width = max(map(len, names), default=0)
        return "\n".join([f"<Metrics: {len(names)}>", *(f"{name:{width}}  {self._text(name)}" for name in names)])

    def _text(self, name: str) -> str:
        value, interval = self[name], self.get(f"{name}{INTERVAL}")
        text = " ".join(map(_short, value)) if isinstance(value, list | tuple) else _short(value)
        return text if interval is None else f"{text} ({_short(interval[0])} to {_short(interval[1])})"


def _short(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class Finished:
    """What a measurement of the whole base says: its metrics, and the values of each query behind them."""

    metrics: Metrics
    per_query: bytes | None
    """A `PerQuery`; None without any value of a query."""


def finished_metrics(measurement: Measurement) -> Metrics:
    """All metrics of a measurement of the whole base; raises what `finished` raises."""
    return finished(measurement).metrics


def finished(measurement: Measurement) -> Finished:
    """All metrics of a measurement of the whole base, with the values of each query that a row keeps.

    Raises:
        ValueError: the measurement or the ground truth lacks rows of the base.
        ChangedData: the ground truth was computed from other values of the base.
    """
    if measurement.missing:
        raise ValueError(f"rows {measurement.missing} were not measured")
    for truth in (measurement.truth, measurement.judged_truth):
        if truth is not None and truth.span != (0, measurement.key.n):
            raise ValueError(f"the ground truth covers only rows {truth.span[0]} to {truth.span[1]}")
    measurement.require_content_of_truth()
    evidence = Evidence(measurement)
    found = list(_found(RECORDS, evidence))
    kept = {
        name: values
        for record, name, values in found
        if record.interval == "bootstrap" and record.keeps_queries and record.kind != "loss"
    }
    per_query = PerQuery(queries_digest(measurement), evidence.k, kept).to_bytes() if kept else None
    return Finished(_metrics(found, evidence), per_query)


def computed_metrics(records: Iterable[MetricRecord], evidence: Evidence) -> Metrics:
    """The metrics of `records` that the evidence suffices for, with their intervals."""
    return _metrics(_found(records, evidence), evidence)


def _found(records: Iterable[MetricRecord], evidence: Evidence) -> Iterator[tuple[MetricRecord, str, Any]]:
    """Each metric that the evidence suffices for: record, name, and what the function of the record returned."""
    for record in records:
        if record.function is None or not evidence.has(record.needs):
            continue
        for depths in record.members(evidence):
            found = record.function(evidence, **depths)
            if found is not None:
                yield record, record.name.format(**depths), found


def _metrics(found: Iterable[tuple[MetricRecord, str, Any]], evidence: Evidence) -> Metrics:
    return Metrics((key, value) for each in found for key, value in _entries(*each, evidence).items())


def _entries(record: MetricRecord, name: str, found: Any, evidence: Evidence) -> dict[str, Any]:
    """A metric and its interval, from what the function of its record returned."""
    if record.interval is None:
        return {name: found}
    if record.interval == "normal":
        value, interval = found
        return {name: value, f"{name}_ci": list(interval)}
    known = found[~np.isnan(found)]
    if not len(known):
        return {}
    value = float(known.mean())
    certain = evidence.is_lossless and (record.kind == "loss" or record.needs == "ground truth")
    interval = (value, value) if certain else query_interval(known, evidence.key.seed, record.bounds)
    return {name: value} | ({} if interval is None else {f"{name}_ci": list(interval)})
