"""The results database: one SQLite file per task, one row per cell and seed."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from vq_benchmark.errors import InputError

Status = Literal["done", "failed", "partial"]
JSON_COLUMNS = ("config", "metrics", "environment")
APPLICATION_ID = 0x76716200
"""Marks an SQLite file as ours ("vqb"), with the version of the schema in `user_version`."""
SCHEMA_VERSION = 1
BUSY_SECONDS = 60

VIEW_METRICS = (
    "bits_per_dim", "compression_ratio", "mse", "relative_error", "recall_at_1", "recall_at_10", "recall_at_100",
    "rank_distortion", "pairwise_distortion", "encode_vectors_per_second", "fit_seconds", "queries_per_second",
    "peak_memory_bytes",
)  # fmt: skip

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY,
    whole_run_id TEXT NOT NULL,
    sweep_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'failed', 'partial')),
    error TEXT,
    dataset TEXT NOT NULL,
    dataset_fingerprint TEXT NOT NULL,
    n INTEGER NOT NULL,
    d INTEGER NOT NULL,
    metric TEXT NOT NULL,
    method TEXT NOT NULL,
    config TEXT NOT NULL,
    seed INTEGER NOT NULL,
    chunk_start INTEGER NOT NULL,
    chunk_stop INTEGER NOT NULL,
    metrics TEXT NOT NULL,
    environment TEXT NOT NULL,
    accumulators BLOB
);
CREATE INDEX IF NOT EXISTS runs_by_whole ON runs (whole_run_id);
CREATE VIEW IF NOT EXISTS benchmark_runs AS
SELECT run_id, created_at AS timestamp, sweep_id, dataset, method, config, seed,
    {", ".join(f"json_extract(metrics, '$.{name}') AS {name}" for name in VIEW_METRICS)}
FROM runs WHERE status = 'done';
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


@dataclass(frozen=True)
class Run:
    """One row: what became of one cell."""

    run_id: str
    """Hash of everything that determines the result."""
    whole_run_id: str
    """The run_id of the same configuration on the whole base; chunks of it share this."""
    sweep_id: str
    status: Status
    dataset: str
    dataset_fingerprint: str
    n: int
    d: int
    metric: str
    method: str
    config: dict[str, Any]
    seed: int
    chunk_start: int
    chunk_stop: int
    metrics: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    accumulators: bytes | None = None
    """The serialised measurement of a partial row."""
    created_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


COLUMNS = tuple(each.name for each in fields(Run))


class Database:
    """Rows in one SQLite file. Every write is one short transaction; connections are not kept open between them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, run_id: str) -> Run | None:
        """The row of that id, if there is one."""
        return next(self.runs("run_id = ?", (run_id,)), None)

    def runs(self, where: str = "1", values: Iterable[Any] = ()) -> Iterator[Run]:
        """Rows that satisfy an SQL condition, oldest first; none if the file does not exist."""
        if not self.path.exists():
            return
        with self._connection() as connection:
            query = f"SELECT {', '.join(COLUMNS)} FROM runs WHERE {where} ORDER BY created_at, run_id"
            for row in connection.execute(query, tuple(values)):
                yield _to_run(row)

    def put(self, run: Run) -> None:
        """Store a row, in place of an earlier one of the same id."""
        self.put_all([run])

    def put_all(self, runs: Iterable[Run], *, spent: Iterable[str] = ()) -> None:
        """Store rows and drop the accumulators of the rows `spent`, in one transaction."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the folder of {str(self.path)!r} cannot be made: {error}.") from error
        marks = ", ".join("?" * len(COLUMNS))
        with self._connection() as connection, connection:
            connection.executemany(
                f"INSERT OR REPLACE INTO runs ({', '.join(COLUMNS)}) VALUES ({marks})", map(_to_row, runs)
            )
            connection.executemany(
                "UPDATE runs SET accumulators = NULL WHERE run_id = ?", [(run_id,) for run_id in spent]
            )

    def check_writable(self) -> None:
        """Find out before hours of work whether rows can be stored; writes nothing.

        Raises:
            InputError: the file may not be written to, or cannot be made where it should be.
        """
        if self.path.exists():
            with self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
            return
        folder = next(parent for parent in self.path.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(
                f"the results database {str(self.path)!r} cannot be made: {str(folder)!r} is no folder that this "
                "user may write to."
            )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as connection:
                _check_ours(connection, self.path)
                connection.execute("PRAGMA journal_mode = DELETE")
                yield connection
        except sqlite3.OperationalError as error:
            raise InputError(f"the results database {str(self.path)!r} cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{str(self.path)!r} is not a readable results database: {error}.") from error


def write_database(path: Path, runs: Iterable[Run]) -> None:
    """A new file with these rows, whole or absent."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        Database(temporary).put_all(runs)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Create the schema in an empty file; refuse a file of another application or of a newer schema."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID and version == SCHEMA_VERSION:
        return
    if application == APPLICATION_ID:
        raise InputError(f"{str(path)!r} has schema {version}; this version of vq-benchmark reads {SCHEMA_VERSION}.")
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise InputError(f"{str(path)!r} is a database of something else, not of vq-benchmark results.")
    connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")


def _to_row(run: Run) -> tuple[Any, ...]:
    return tuple(
        json.dumps(value, sort_keys=True, allow_nan=False) if name in JSON_COLUMNS else value
        for name, value in ((name, getattr(run, name)) for name in COLUMNS)
    )


def _to_run(row: tuple[Any, ...]) -> Run:
    values = dict(zip(COLUMNS, row, strict=True))
    return Run(**{name: json.loads(value) if name in JSON_COLUMNS else value for name, value in values.items()})
