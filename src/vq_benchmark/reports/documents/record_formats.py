"""Records as CSV, JSON, Arrow and Parquet, in full precision."""

import csv
import json
from collections.abc import Sequence
from io import BytesIO, StringIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vq_benchmark.reports.documents.result_records import Record

ARROW_TYPES = {
    "n": pa.int64(), "d": pa.int64(), "seeds": pa.list_(pa.int64()), "run_ids": pa.list_(pa.string()),
    "sweep_ids": pa.list_(pa.string()), "budget": pa.float64(),
    **dict.fromkeys(
        (
            "dataset", "dataset_fingerprint", "distance", "method", "config", "query_bits", "engine", "rerank",
            "settings",
            "status", "error",
            "created_at", "package_version", "metric_set", "cpu", "threads", "base_dtype", "external",
        ),
        pa.string(),
    ),
}  # fmt: skip
"""The types of columns that are not metrics; those are float64."""


def csv_bytes(records: Sequence[Record]) -> bytes:
    """A line of names, then one per record; lists are separated by blanks, and the config is JSON."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(records[0] if records else [])
    writer.writerows([_csv_cell(value) for value in record.values()] for record in records)
    return out.getvalue().encode(errors="backslashreplace")


def json_bytes(records: Sequence[Record]) -> bytes:
    """A list of objects; the config is an object, and what is missing is null."""
    return (json.dumps(list(records), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(
        errors="backslashreplace"
    )


def arrow_table(records: Sequence[Record]) -> Any:
    """A `pyarrow.Table` with one row per record; the config is JSON text, metrics are float64, missing is null."""
    names = list(records[0]) if records else []
    columns = {
        name: pa.array(
            [json.dumps(each[name]) if name == "config" else each[name] for each in records],
            type=ARROW_TYPES.get(name, pa.float64()),
        )
        for name in names
    }
    return pa.table(columns)


def parquet_bytes(records: Sequence[Record]) -> bytes:
    """The Arrow table as a Parquet file."""
    out = BytesIO()
    pq.write_table(arrow_table(records), out)
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return " ".join(map(str, value))
    return repr(value) if isinstance(value, float) else value
