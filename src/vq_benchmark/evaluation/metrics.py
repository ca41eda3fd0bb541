"""The metrics of a finished measurement. `metric_records` lists them, docs/METRICS.md holds the formulas."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from vq_benchmark.evaluation.evidence import Evidence
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metric_records import RECORDS, MetricRecord
from vq_benchmark.evaluation.query_intervals import query_interval

Metrics = dict[str, Any]
"""Metric values by name; the 95 % confidence interval of `name` is the pair `name_ci`."""


def finished_metrics(measurement: Measurement) -> Metrics:
    """All metrics of a measurement of the whole base.

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
    return computed_metrics(RECORDS, Evidence(measurement))


def computed_metrics(records: Iterable[MetricRecord], evidence: Evidence) -> Metrics:
    """The metrics of `records` that the evidence suffices for, with their intervals."""
    metrics: Metrics = {}
    for record in records:
        if record.function is None or not evidence.has(record.needs):
            continue
        for depths in record.members(evidence):
            found = record.function(evidence, **depths)
            if found is not None:
                metrics |= _entries(record, record.name.format(**depths), found, evidence)
    return metrics


def _entries(record: MetricRecord, name: str, found: Any, evidence: Evidence) -> Metrics:
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
