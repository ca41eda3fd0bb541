"""The results database: one SQLite file per task, one row per cell and seed."""

import json
import os
import shlex
import sqlite3
from collections.abc import Container, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_path
from vq_benchmark.machine.damage import reason_of
from vq_benchmark.machine.documents import parsed_json, validated
from vq_benchmark.machine.provenance import version_mismatch

Status = Literal["done", "failed", "partial"]
JSON_COLUMNS = ("config", "metrics", "environment")
APPLICATION_ID = 0x76716200
"""Marks an SQLite file as ours ("vqb"), with the version of the schema in `user_version`."""
SCHEMA_VERSION = 2
ADDED_COLUMNS = {
    "query_bits": ("TEXT NOT NULL DEFAULT 'float'", "'float'"),
    "budget": ("REAL", "NULL"),
    "per_query": ("BLOB", "NULL"),
}
"""Columns that files of schema 1 lack: declaration, and the value of their rows. They are added on writing."""
BUSY_SECONDS = 60
PAGE_ROWS, PAGE_BYTES = 200, 8_000_000
"""Maximum number of rows read at a time, and bytes of their accumulators."""
TRAIN_QUERIES_KEY = "train_queries"
"""Key of the column `environment`: number (`vectors`) and hash (`digest`) of the queries that a model is for."""
FREE_SHARE = 0.25
"""Share of a file's pages that must be free before they are worth giving back."""

VIEW_METRICS = (
    "bits_per_dim", "compression_ratio", "mse", "relative_error", "recall_at_1", "recall_at_10", "recall_at_100",
    "rank_distortion", "pairwise_distortion", "encode_vectors_per_second", "fit_seconds", "queries_per_second",
    "peak_memory_bytes", "total_bits_per_dim", "code_bytes", "model_bytes", "model_bits_per_dim",
    "total_compression_ratio", "recall_10_at_20", "recall_10_at_50", "recall_10_at_100", "rerank_depth",
)  # fmt: skip
VIEW_INTERVALS = (
    "mse", "relative_error", "recall_at_1", "recall_at_10", "recall_at_100", "rank_distortion", "pairwise_distortion",
    "recall_10_at_20", "recall_10_at_50", "recall_10_at_100",
)  # fmt: skip
"""Metrics whose 95 % interval is in the view, as NAME_low and NAME_high."""
VIEW_COLUMNS = {
    "run_id": "run_id", "timestamp": "created_at", "sweep_id": "sweep_id", "dataset": "dataset", "method": "method",
    "config": "config", "seed": "seed",
    **{name: f"json_extract(metrics, '$.{name}')" for name in VIEW_METRICS},
    "n": "n", "d": "d", "distance": "metric", "budget": "budget", "query_bits": "query_bits",
    "total_bytes_per_vector": "json_extract(metrics, '$.total_bits_per_dim') * d / 8",
    **{
        f"{name}_{end}": f"json_extract(metrics, '$.{name}_ci[{place}]')"
        for name in VIEW_INTERVALS for place, end in enumerate(("low", "high"))
    },
}  # fmt: skip
"""The columns of the view, and what they are made of. New ones go to the end: scripts may count columns."""
VIEW = f"""CREATE VIEW benchmark_runs AS
SELECT {", ".join(f"{source} AS {name}" for name, source in VIEW_COLUMNS.items())}
FROM runs WHERE status = 'done'"""

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
    accumulators BLOB,
    {", ".join(f"{name} {declaration}" for name, (declaration, _) in ADDED_COLUMNS.items())}
);
CREATE INDEX IF NOT EXISTS runs_by_whole ON runs (whole_run_id);
DROP VIEW IF EXISTS benchmark_runs;
{VIEW};
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


def now() -> str:
    """The current time in the format of rows: ISO 8601, UTC, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Run:
    """One row: the outcome of one cell."""

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
    query_bits: str = "float"
    """How queries were coded before they were scored against the codes."""
    budget: float | None = None
    """The bits per dimension that the configuration was chosen for; None if its parameters were given."""
    per_query: bytes | None = None
    """The serialised values of each query, of a finished row."""
    created_at: str = field(default_factory=now)

    @property
    def engine(self) -> str:
        """The setting of an engine that the row measures, such as `qdrant:int8`; empty for other rows."""
        return str(self.environment.get("engine", ""))

    @property
    def train_queries(self) -> int:
        """How many training queries the model was fitted for; 0 if it was fitted without."""
        return int(self.environment.get(TRAIN_QUERIES_KEY, {}).get("vectors", 0))


COLUMNS = tuple(each.name for each in fields(Run))
BLOBS = ("accumulators", "per_query")


class Database:
    """Rows in one SQLite file. Every write is one short transaction; connections are not kept open between them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, run_id: str) -> Run | None:
        """The row with that id, or None."""
        return next(self.runs("run_id = ?", (run_id,)), None)

    def runs(self, where: str = "1", values: Iterable[Any] = (), *, with_accumulators: bool = True) -> Iterator[Run]:
        """The rows that currently satisfy an SQL condition, oldest first; none if the file does not exist.

        No connection is open between two rows, so rows can be stored while others are read.
        """
        if not self.path.exists():
            return
        size, left_out = ("coalesce(length(accumulators), 0)", ()) if with_accumulators else ("0", ("accumulators",))
        order = "ORDER BY created_at, run_id"
        with self.connection() as connection:
            sizes = connection.execute(f"SELECT run_id, {size} FROM runs WHERE {where} {order}", tuple(values))
            pages = list(_pages(sizes))
            columns = selected(connection, without=left_out)
        for page in pages:
            marks = ", ".join("?" * len(page))
            with self.connection() as connection:
                query = f"SELECT {columns} FROM runs WHERE run_id IN ({marks}) {order}"
                rows = connection.execute(query, page).fetchall()
            for row in rows:
                yield to_run(row, self.path)

    def counts(self) -> dict[str, int]:
        """The number of rows of each status that occurs."""
        if not self.path.exists():
            return {}
        with self.connection() as connection:
            return dict(connection.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall())

    def put(self, run: Run) -> None:
        """Store a row, replacing an earlier one with the same id."""
        self.put_all([run])

    def put_all(self, runs: Iterable[Run], *, spent: Iterable[str] = ()) -> None:
        """Store rows and drop the accumulators of the `spent` rows, in one transaction."""
        with self.connection(to_write=True) as connection, connection:
            _insert(connection, runs)
            connection.executemany(
                "UPDATE runs SET accumulators = NULL WHERE run_id = ?", [(run_id,) for run_id in spent]
            )

    def shrink(self) -> None:
        """Return the space of dropped accumulators to the file system if it is a large part of the file.

        This needs disk space for what remains, not for what is returned.
        """
        with self.connection() as connection:
            free, total = (connection.execute(f"PRAGMA {name}_count").fetchone()[0] for name in ("freelist", "page"))
            if free >= FREE_SHARE * total:
                with suppress(sqlite3.OperationalError):  # a full disk or a lock; later rows use the space
                    connection.execute("VACUUM")

    def check_writable(self) -> None:
        """Check, before hours of work, that rows can be stored; writes nothing.

        Raises:
            InputError: the file is not writable, or cannot be created at its path.
        """
        if self.path.exists():
            with self.connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")  # a read-only file grants a lock
                connection.rollback()
            return
        folder = next(parent for parent in self.path.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(
                f"cannot create the results database {str(self.path)!r}: {str(folder)!r} is not a folder that you "
                "can write to."
            )

    @contextmanager
    def connection(self, *, to_write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection to the file, which is created if it does not exist; closed when the block ends.

        Only `to_write` gives a file of an earlier schema the columns of the current one, and the current view.

        Raises:
            InputError: the file or its folder cannot be used, is locked or not a results database, or the disk is
                full.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot create the folder of {str(self.path)!r}: {error}.") from error
        with connected(self.path, "mode=rwc", BUSY_SECONDS) as connection:
            version = _check_ours(connection, self.path)
            if to_write and (version < SCHEMA_VERSION or not _has_view(connection)):
                _upgrade(connection)
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA secure_delete = OFF")  # else all dropped content is overwritten
            yield connection


def write_database(path: Path, runs: Iterable[Run]) -> None:
    """Write a database of these rows that appears at `path` complete or not at all, replacing an earlier one.

    Raises:
        InputError: the folder is not writable, or the disk is full.
    """
    # No other process knows the temporary's name, so it needs neither locks nor a journal.
    with atomic_path(path) as temporary, connected(temporary, "mode=rw&nolock=1", 0, named=path) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        _create(connection)
        with connection:
            _insert(connection, runs)


@contextmanager
def connected(
    path: Path, how: str, busy_seconds: float, *, named: Path | None = None
) -> Iterator[sqlite3.Connection]:
    """A connection to an SQLite file, with the URI parameters `how`; SQLite's errors become InputError."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", timeout=busy_seconds, uri=True)) as opened:
            yield opened
    except sqlite3.DatabaseError as error:
        raise InputError(_sentence(named or path, error, busy_seconds)) from error
    except UnicodeDecodeError as error:  # sqlite3 decodes SQLite's message about a damaged schema
        raise InputError(f"{str(named or path)!r} is not a readable results database: {error}.") from error


def _sentence(path: Path, error: sqlite3.DatabaseError, busy_seconds: float) -> str:
    name = str(path)
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_ROLLBACK:
        return (
            f"{name!r} has an unfinished write; rerun the command that wrote it, or roll the write back with "
            f"`sqlite3 {shlex.quote(name)} .schema`."
        )
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return (
                f"{name!r} is still locked after {busy_seconds:g} s; if no other process uses it (NFS can leave "
                "stale locks), `cp` it to a new name and `mv` the copy back."
            )
        case sqlite3.SQLITE_FULL:
            return f"{name!r} cannot be written: no space left on the disk; the rows already in it are intact."
        case sqlite3.SQLITE_READONLY:
            return f"the results database {name!r} is read-only for this user."
    if isinstance(error, sqlite3.OperationalError):
        return f"the results database {name!r} cannot be used: {reason_of(error)}."
    return f"{name!r} is not a readable results database: {reason_of(error)}."


def _check_ours(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the schema, which is created in an empty file; any other file is refused."""
    connection.execute("BEGIN")  # one view of the file, which another process may be creating
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.rollback()
    if tables or application:
        check_marks(application, version, path)
        return int(version)
    _create(connection)
    return SCHEMA_VERSION


def check_marks(application: int, version: int, path: Path) -> None:
    """Refuse a file of another application or of a version of the schema that cannot be read."""
    if application != APPLICATION_ID:
        raise InputError(f"{str(path)!r} is a database of another application, not of vq-benchmark results.")
    if version not in (1, SCHEMA_VERSION):
        raise InputError(f"{str(path)!r} cannot be read: {version_mismatch(version, SCHEMA_VERSION)}.")


def _create(connection: sqlite3.Connection) -> None:
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")


def _upgrade(connection: sqlite3.Connection) -> None:
    """Add the columns of the current schema, unless another process did so in between, and make the view anew."""
    connection.execute("BEGIN IMMEDIATE")
    present = _column_names(connection)
    for name, (declaration, _) in ADDED_COLUMNS.items():
        if name not in present:
            connection.execute(f"ALTER TABLE runs ADD COLUMN {name} {declaration}")
    connection.execute("DROP VIEW IF EXISTS benchmark_runs")
    connection.execute(VIEW)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.commit()


def _has_view(connection: sqlite3.Connection) -> bool:
    """Whether the view is the current one; that of an earlier release may lack columns."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'benchmark_runs'").fetchone()
    return found is not None and found[0] == VIEW


def _column_names(connection: sqlite3.Connection, schema: str = "main") -> set[str]:
    return {name for _, name, *_ in connection.execute(f"PRAGMA {schema}.table_info(runs)")}


def selected(connection: sqlite3.Connection, schema: str = "main", without: Container[str] = ()) -> str:
    """The expressions that select COLUMNS from a file of any version that is read; NULL for columns left out."""
    absent = ADDED_COLUMNS.keys() - _column_names(connection, schema)
    return ", ".join(
        "NULL" if name in without else ADDED_COLUMNS[name][1] if name in absent else name for name in COLUMNS
    )


def _insert(connection: sqlite3.Connection, runs: Iterable[Run]) -> None:
    marks = ", ".join("?" * len(COLUMNS))
    connection.executemany(f"INSERT OR REPLACE INTO runs ({', '.join(COLUMNS)}) VALUES ({marks})", map(_to_row, runs))


def _pages(sizes: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """The ids in pages of bounded number and size, at least one id each."""
    page: list[str] = []
    total = 0
    for run_id, size in sizes:
        if page and (len(page) == PAGE_ROWS or total + size > PAGE_BYTES):
            yield page
            page, total = [], 0
        page.append(run_id)
        total += size
    if page:
        yield page


def _to_row(run: Run) -> tuple[Any, ...]:
    return tuple(
        json.dumps(value, sort_keys=True, allow_nan=False) if name in JSON_COLUMNS else value
        for name, value in ((name, getattr(run, name)) for name in COLUMNS)
    )


def to_run(row: tuple[Any, ...], path: Path) -> Run:
    """The `Run` in a database row with columns COLUMNS; raises InputError, which names `path`, if it is damaged."""
    values = dict(zip(COLUMNS, row, strict=True))
    try:
        for name in JSON_COLUMNS:
            values[name] = parsed_json(values[name])
        return validated(Run, values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{str(path)!r} is damaged: its row {row[0]!r} is not readable: {error}.") from error
