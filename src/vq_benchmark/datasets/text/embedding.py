"""Embed a text collection into a directory of vectors: out of core, in shards, resumable with identical results.

While the vectors are being computed, the directory holds

.shards/config.json         the parameters of the passages
.shards/HASH/00000.npy      shards; HASH is that of their parameters, so vectors of two models never mix
.shards/HASH.npy            all shards of the passages, joined
.shards/made/               the other files, until all of them exist

and at the end queries.npy, query_ids.txt, qrels.tsv, ids.txt, dataset.json, and base.npy, which is written last: if
it exists, the data set is complete.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from vq_benchmark.datasets.formats.opening import formats
from vq_benchmark.datasets.text.encoding import WINDOW_ROWS, Encoder, Kind, Precision, embedded_windows
from vq_benchmark.datasets.text.judged import Collection
from vq_benchmark.datasets.text.records import TextRecord
from vq_benchmark.datasets.text.vector_shards import Shards
from vq_benchmark.errors import InputError, Stopped
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import parsed_json
from vq_benchmark.machine.progress import Reporter, SilentReporter
from vq_benchmark.machine.signals import stop_requested

DEFAULT_SHARD_ROWS = 16_384
DTYPES = ("float16", "float32")
DESCRIPTION = "dataset.json"
OUTPUT_NAMES = ("queries.npy", "query_ids.txt", "qrels.tsv", "ids.txt", DESCRIPTION)
PLURAL: Mapping[Kind, str] = {"passage": "passages", "query": "queries"}
VECTOR_STEMS = ("base", "queries", "learn", "neighbors")


@dataclass(frozen=True)
class Cut:
    """How passages are divided into shards, and which shards this process embeds."""

    shard_rows: int = DEFAULT_SHARD_ROWS
    shard: int | None = None
    """Only this shard, counted from 0; by default all missing ones."""


@dataclass(frozen=True)
class Embedded:
    """What `embed` did."""

    texts: int
    """Passages and queries embedded by this call."""
    seconds: float
    missing_shards: int
    """Shards of passages that do not exist yet; if there are any, the data set is incomplete."""
    joined: bool
    """Whether the directory is now a data set."""


def embed(
    collection: Collection,
    output: Path,
    encoder: Encoder,
    precision: Precision = Precision(),  # noqa: B008 - frozen
    cut: Cut = Cut(),
    *,
    report: Reporter | None = None,
) -> Embedded:
    """Embed the missing part of a collection, and turn the directory into a data set once everything exists.

    The vectors do not depend on whether earlier calls were killed. Several processes may embed different shards of
    one directory at the same time. Queries may be replaced later: the passages are kept.

    Raises:
        InputError: the directory holds other data, or passages embedded with other parameters, or an option is
            invalid, or a vector cannot be stored.
        Stopped: it was told to stop, after a batch; the current shard starts over next time.
    """
    return _Embedding(collection, output, encoder, precision, cut, report or SilentReporter()).run()


@dataclass
class _Embedding:
    collection: Collection
    output: Path
    encoder: Encoder
    precision: Precision
    cut: Cut
    report: Reporter
    texts: int = field(default=0, init=False)

    def run(self) -> Embedded:
        _require_possible(self.precision, self.cut)
        passages, queries = self._passages_record(), self._queries_record()
        shards = self._shards(passages, self.collection.passages.n)
        if self.cut.shard is not None and self.cut.shard >= shards.count:
            raise InputError(
                f"shard {self.cut.shard} does not exist; there are {shards.count} shards, 0 to {shards.count - 1}."
            )
        began = time.monotonic()
        if self._claimed(passages, queries):
            self._tidy()
            return Embedded(0, 0.0, 0, joined=True)
        joined = self._work / f"{_hash(passages)}.npy"
        if self._base.is_file():  # with other queries
            self._base.replace(joined)
        if not joined.is_file():
            missing = shards.missing()
            mine = missing if self.cut.shard is None else [number for number in missing if number == self.cut.shard]
            self._embed(shards, mine, self.collection.passages.read(), "passage")
            if left := len(shards.missing()):
                return Embedded(self.texts, time.monotonic() - began, left, joined=False)
        if not self._may_join():
            return Embedded(self.texts, time.monotonic() - began, 0, joined=False)
        if not joined.is_file():
            shards.join(joined)
        self._finish(passages, queries)
        joined.replace(self._base)
        self._tidy()
        return Embedded(self.texts, time.monotonic() - began, 0, joined=True)

    @property
    def _work(self) -> Path:
        return self.output / ".shards"

    @property
    def _base(self) -> Path:
        return self.output / "base.npy"

    def _passages_record(self) -> dict[str, Any]:
        passages = self.collection.passages
        record = {"n": passages.n, "text_fingerprint": passages.fingerprint, "shard_rows": self.cut.shard_rows}
        return record | self._encoding_record("passage")

    def _queries_record(self) -> dict[str, Any] | None:
        if not self.collection.queries:
            return None
        record = {"n": len(self.collection.queries), "text_fingerprint": self.collection.queries_fingerprint}
        return record | self._encoding_record("query")

    def _encoding_record(self, kind: Kind) -> dict[str, Any]:
        """Everything that the vectors of a text depend on."""
        return {
            "model_revision": self.encoder.revision,
            "dimension": self.encoder.d,
            "prompt": self.encoder.prompts[kind],
            "window_rows": WINDOW_ROWS,
            **asdict(self.precision),
        }

    def _shards(self, record: Mapping[str, Any], n: int) -> Shards:
        folder = self._work / _hash(record)
        return Shards(folder, n, self.cut.shard_rows, self.encoder.d, np.dtype(self.precision.dtype))

    def _claimed(self, passages: dict[str, Any], queries: dict[str, Any] | None) -> bool:
        """Claim the directory for this data set; True if the data set is already complete.

        Raises:
            InputError: the directory holds another data set, or passages embedded with other parameters.
        """
        config, description = self._work / "config.json", self.output / DESCRIPTION
        if self._base.is_file() and description.is_file():
            found = _read_json(description)
            _require_same(self.output, found.get("passages"), passages)
            if found.get("queries") == queries:
                return True
        elif config.is_file():
            _require_same(self.output, _read_json(config), passages)
        elif self.output.exists():
            self._require_no_dataset()
        if not config.is_file():
            _write_json(config, passages)
        return False

    def _require_no_dataset(self) -> None:
        with reading(self.output):
            names = sorted(path.name for path in self.output.iterdir())
        taken = [name for name in names if name in OUTPUT_NAMES or _is_vectors(name)]
        if taken:
            raise InputError(
                f"{str(self.output)!r} already holds {', '.join(taken)}; give a new folder with --output."
            )

    def _tidy(self) -> None:
        """Delete temporary files, except joined vectors, which another process may need."""
        with suppress(OSError):  # two processes may do this at once
            for path in self._work.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.suffix != ".npy":
                    path.unlink(missing_ok=True)
            self._work.rmdir()

    def _may_join(self) -> bool:
        """Whether this process joins the shards: of tasks with one shard each, the first that finds all shards."""
        if self.cut.shard is None:
            return True
        try:
            (self._work / "joining").mkdir()
        except FileExistsError:
            return False
        return True

    def _embed(self, shards: Shards, numbers: Sequence[int], records: Iterator[TextRecord], kind: Kind) -> None:
        if not numbers:
            return
        total = sum(stop - start for start, stop in map(shards.span, numbers))
        done = 0
        with self.report.task(f"embedding {PLURAL[kind]}", total, PLURAL[kind]) as update:

            def after_batch(count: int) -> None:
                nonlocal done
                done += count
                update(done)
                if signal := stop_requested():
                    raise Stopped(signal, f"embedding {PLURAL[kind]}", shards.rows_there())

            def vectors(some: Iterator[TextRecord], first_row: int) -> Iterator[Any]:
                return embedded_windows(
                    some, self.encoder, kind, self.precision, first_row=first_row, after_batch=after_batch
                )

            shards.write(numbers, records, vectors)
        self.texts += total

    def _finish(self, passages: dict[str, Any], queries: dict[str, Any] | None) -> None:
        """Write everything except the base vectors, beside the shards first, so a killed attempt leaves nothing."""
        found, made = self.collection, self._work / "made"
        if made.exists():
            shutil.rmtree(made)
        if queries is not None:
            shards = self._shards(queries, len(found.queries))
            self._embed(shards, shards.missing(), iter(found.queries), "query")
            shards.join(made / "queries.npy")
            _write_lines(made / "query_ids.txt", (record.id for record in found.queries))
        if found.qrels is not None and queries is not None:
            judged = found.qrels.tolist()
            _write_lines(made / "qrels.tsv", (f"{query}\t0\t{row}\t{grade}" for query, row, grade in judged))
        _write_lines(made / "ids.txt", (record.id for record in found.passages.read()))
        _write_json(made / DESCRIPTION, self._description(passages, queries))
        for name in OUTPUT_NAMES:
            if (made / name).is_file():
                (made / name).replace(self.output / name)
            else:
                (self.output / name).unlink(missing_ok=True)

    def _description(self, passages: dict[str, Any], queries: dict[str, Any] | None) -> dict[str, Any]:
        """The content of dataset.json; `parts` reads the metric and what to do with identical identifiers."""
        return {
            "metric": "cosine" if self.precision.normalize else self.encoder.distance,
            "model": self.encoder.name,
            "model_revision": self.encoder.revision,
            "dimension": self.encoder.d,
            "text_fingerprint": self.collection.passages.fingerprint,
            "made_by": f"vq-benchmark {version('vq-benchmark')}",
            "identical_ids": self.collection.identical_ids,
            "notes": list(self.collection.notes),
            "passages": passages,
            "queries": queries,
        }


def _is_vectors(name: str) -> bool:
    return Path(name).stem in VECTOR_STEMS and Path(name).suffix.lower() in formats()


def _require_possible(precision: Precision, cut: Cut) -> None:
    for name, value in (("--batch-size", precision.batch_size), ("--shard-rows", cut.shard_rows)):
        if value < 1:
            raise InputError(f"invalid {name} {value}: it must be at least 1.")
    if cut.shard is not None and cut.shard < 0:
        raise InputError(f"invalid --shard {cut.shard}: shards are counted from 0.")
    if precision.dtype not in DTYPES:
        raise InputError(f"invalid --dtype {precision.dtype!r}: it can be {' or '.join(DTYPES)}.")


def _require_same(output: Path, found: object, wanted: Mapping[str, Any]) -> None:
    if found == wanted:
        return
    if not isinstance(found, dict):
        raise InputError(
            f"{str(output)!r} holds vectors that were not made by `embed`; give a new folder with --output."
        )
    different = [name for name in wanted if found.get(name) != wanted[name]]
    changes = ", ".join(f"{name} was {found.get(name)!r} and is {wanted[name]!r}" for name in different)
    raise InputError(
        f"{str(output)!r} holds passages that were embedded with other parameters: {changes}; "
        "give the same parameters, or a new folder with --output."
    )


def _hash(record: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=8).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    with reading(path, ValueError, what="a JSON object"):
        found = parsed_json(path.read_bytes())
    if not isinstance(found, dict):
        raise InputError(f"{str(path)!r} is not a JSON object.")
    return found


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode())


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    with atomic_write(path) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
