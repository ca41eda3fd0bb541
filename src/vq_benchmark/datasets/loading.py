"""From a name or a path to a data set that is ready to be benchmarked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vq_benchmark.datasets.catalog import CATALOG, CatalogEntry, unknown_dataset
from vq_benchmark.datasets.checks import (
    PROBE_RUN_ROWS,
    PROBE_RUNS,
    check_numbered_rows,
    check_rows,
    probe_rows,
    repeated_rows,
    require_rows,
)
from vq_benchmark.datasets.dataset import Dataset, Judgements, Metric
from vq_benchmark.datasets.directory import find_part, open_directory
from vq_benchmark.datasets.files import file_states
from vq_benchmark.datasets.fingerprint import fingerprint_base
from vq_benchmark.datasets.formats.registry import formats, open_dataset
from vq_benchmark.datasets.hub_names import PREFIX as HUB_PREFIX
from vq_benchmark.datasets.hub_names import open_hub_name
from vq_benchmark.datasets.metric_choice import choose_metric
from vq_benchmark.datasets.request import Request
from vq_benchmark.datasets.shards import open_file, open_shards, shards_of_pattern
from vq_benchmark.datasets.source import (
    PrefixSource,
    UnitNormSource,
    VectorSource,
    numbers_in_file,
    take,
    unit_norm,
)
from vq_benchmark.datasets.splitting import hold_out, keep_first
from vq_benchmark.datasets.stored import StoredDataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.locations import cache_dir as default_cache_dir
from vq_benchmark.machine.locations import input_path
from vq_benchmark.machine.memory import allowed_memory, require_memory, within_memory
from vq_benchmark.machine.progress import Reporter, SilentReporter

DEFAULT_NUM_QUERIES = 1000


def load_dataset(
    name_or_path: str | Path | Sequence[str | Path],
    *,
    metric: Metric | None = None,
    queries_path: str | Path | None = None,
    num_queries: int | None = None,
    limit: int | None = None,
    num_samples: int | None = None,
    dim: int | None = None,
    split_seed: int = 0,
    vector_column: str | None = None,
    check: bool = True,
    cache_dir: str | Path | None = None,
    memory_limit: int | None = None,
    report: Reporter | None = None,
) -> Dataset:
    """A data set by its catalog name, or by the path of a file or a directory. Nothing but the queries is read whole.

    Args:
        name_or_path: a name of the catalog (NAME@REVISION pins a repository),
            `hf:OWNER/NAME[@REVISION][:CONFIG][:SPLIT]`, a file, a directory, a pattern of parquet files, or a list
            of parquet files that are one base.
        metric: overrules what the data states, or the guess where it states nothing.
        queries_path: a file of queries, instead of those that came with the data.
        num_queries: at most so many of the queries are used; if there are none, so many base rows are held out:
            1,000 where nothing is said, or a tenth of a base of fewer than 2,000 rows.
        limit: use the first so many base rows; applied before the hold-out.
        num_samples, dim: the size of `synthetic`; refused for others.
        split_seed: draws the held-out rows.
        vector_column: the parquet column, .npz member or HDF5 data set that holds the base vectors.
        check: refuse NaN, infinite and (under cosine) zero rows among the queries and a sample of the base.
        cache_dir: where downloads and the index of parquet files are kept; by default $VQ_CACHE_DIR, else $TMPDIR in
            a SLURM job, else the user's cache.
        memory_limit: the most bytes that this process may use, by default what the job and the machine have; a file
            that cannot be read within it is refused before it is.
        report: where the progress of downloads is shown.

    Raises:
        InputError: there is no such data set, or it cannot be used; the sentence says why.
    """
    if num_queries is not None and num_queries < 1:
        raise InputError(f"{num_queries} queries are too few; --num-queries must be at least 1.")
    request = Request(
        num_queries=num_queries or DEFAULT_NUM_QUERIES,
        num_samples=num_samples,
        dim=dim,
        limit=limit,
        column=vector_column,
        cache=default_cache_dir(None) if cache_dir is None else Path(cache_dir),
        report=report or SilentReporter(),
    )
    with within_memory(None if memory_limit is None else allowed_memory(memory_limit)):
        name, stored = _open(name_or_path, request)
        return prepare_dataset(
            name,
            stored,
            metric=metric,
            queries_path=queries_path,
            num_queries=num_queries,
            limit=limit,
            split_seed=split_seed,
            check=check,
        )


def prepare_dataset(
    name: str,
    stored: StoredDataset,
    *,
    metric: Metric | None = None,
    queries_path: str | Path | None = None,
    num_queries: int | None = None,
    limit: int | None = None,
    split_seed: int = 0,
    check: bool = True,
) -> Dataset:
    """What is stored, made ready to be benchmarked; the options are those of `load_dataset`.

    Raises:
        InputError: it cannot be used; the sentence says why.
    """
    require_rows(stored.base, f"{name!r}")
    if queries_path is not None:
        stored = _with_queries_of(stored, queries_path)
    _require_room(name, stored, num_queries or DEFAULT_NUM_QUERIES)
    if limit is not None:
        stored = keep_first(stored, limit)
    stored = (
        hold_out(stored, num_queries or _default_hold_out(stored.base.n), split_seed)
        if stored.queries is None
        else _first_queries(stored, num_queries or DEFAULT_NUM_QUERIES)
    )
    _require_consistent(stored)
    numbers = probe_rows(stored.base.n)
    probed = take(stored.base, numbers)
    stored, chosen = choose_metric(stored, metric, probed)
    fingerprint = fingerprint_base(stored.base, chosen, stored.split, probed=probed)
    dataset = _under_metric(name, stored, chosen, fingerprint)
    if check:
        check_numbered_rows(probed, numbers_in_file(stored.base, numbers), chosen)
        searched = unit_norm(probed) if chosen == "cosine" else probed
        dataset = replace(dataset, notes=(*dataset.notes, *repeated_rows(searched, dataset.queries)))
        check_rows(dataset.queries, 0, chosen, what="query")
        if dataset.judgements is not None:
            check_rows(dataset.judgements.queries, 0, chosen, what="judged query")
    return dataset


def _open(name_or_path: str | Path | Sequence[str | Path], request: Request) -> tuple[str, StoredDataset]:
    if not isinstance(name_or_path, str | Path):
        paths = [input_path(path) for path in name_or_path]
        if not paths:
            raise InputError("the list of files is empty; give at least one parquet file.")
        return paths[0].parent.resolve().name, StoredDataset(open_shards(paths, request.column, request.cache))
    text = str(name_or_path)
    name, _, revision = text.partition("@")
    entry = CATALOG.get(text) or CATALOG.get(name)
    if (request.num_samples is not None or request.dim is not None) and (entry is None or not entry.any_size):
        raise InputError(
            f"{text!r} has a size of its own, so --num-samples and --dim do not apply; --dataset-limit uses fewer of "
            "its rows."
        )
    if entry is not None:
        return entry.name, _open_entry(entry, replace(request, revision=revision or None))
    if text.startswith(HUB_PREFIX):
        return text, open_hub_name(text, request)
    return _open_path(input_path(name_or_path), request)


def _open_entry(entry: CatalogEntry, request: Request) -> StoredDataset:
    if request.revision is not None and not entry.downloads:
        raise InputError(f"{entry.name!r} has no revisions to choose from.")
    if request.column is not None and not entry.downloads:
        raise InputError(f"{entry.name!r} has no columns to choose from, so {request.column!r} cannot be one.")
    stored = entry.open(request)
    notes = stored.notes
    if Path(entry.name).exists():
        notes = (*notes, f"{entry.name} is the data set of that name; write ./{entry.name} for the file or folder.")
    return replace(stored, metric=stored.metric or entry.metric, notes=notes)


def _open_path(path: Path, request: Request) -> tuple[str, StoredDataset]:
    with reading(path):  # a name may be too long even to be looked for
        is_directory, exists = path.is_dir(), path.exists()
    if is_directory:
        return path.resolve().name, open_directory(path, column=request.column, cache=request.cache)
    if not exists:
        shards = shards_of_pattern(str(path))
        if shards:
            return path.name, StoredDataset(open_shards(shards, request.column, request.cache))
        if path.suffix.lower() not in formats():
            raise unknown_dataset(str(path))
    return path.name, open_file(path, request.column, request.cache)


def _with_queries_of(stored: StoredDataset, path: str | Path) -> StoredDataset:
    """The data set with the queries of a file: those it calls queries, or else its vectors."""
    path = input_path(path)
    found = open_dataset((find_part(path, "queries") or path) if path.is_dir() else path)
    notes = stored.notes
    if stored.neighbors is not None:
        notes = (*notes, "the stored neighbours are dropped: they are of other queries than those given.")
    return replace(stored, queries=found.queries or found.base, neighbors=None, notes=notes)


def _require_room(name: str, stored: StoredDataset, num_queries: int) -> None:
    """Refuse vectors so long that the few rows that are read whole do not fit into memory."""
    base, queries = stored.base, stored.queries
    looked_at = min(base.n, PROBE_RUNS * PROBE_RUN_ROWS)
    asked = min(base.n if queries is None else queries.n, num_queries)
    d = base.d if queries is None else max(base.d, queries.d)
    float32 = np.dtype(np.float32).itemsize
    require_memory(
        2 * looked_at * base.d * float32, f"a look at {looked_at} rows of dimension {base.d:,} of {name!r}"
    )
    require_memory(
        asked * d * float32, f"{asked} queries of dimension {d:,} of {name!r}", "; --num-queries takes fewer"
    )


def _default_hold_out(n: int) -> int:
    """1,000, or a tenth of a base that would lose more than half of its rows to them."""
    return DEFAULT_NUM_QUERIES if n >= 2 * DEFAULT_NUM_QUERIES else max(n // 10, 1)


def _first_queries(stored: StoredDataset, num_queries: int) -> StoredDataset:
    queries = stored.queries
    assert queries is not None
    require_rows(queries, "the queries file")
    if stored.neighbors is not None and len(stored.neighbors) != queries.n:
        raise InputError(f"there are neighbours of {len(stored.neighbors)} queries, but {queries.n} queries.")
    if queries.n <= num_queries:
        return stored
    return replace(
        stored,
        queries=PrefixSource(queries, num_queries),
        neighbors=None if stored.neighbors is None else stored.neighbors[:num_queries],
        notes=(*stored.notes, f"the first {num_queries} of {queries.n} queries are used; --num-queries takes more."),
    )


def _require_consistent(stored: StoredDataset) -> None:
    """Raises InputError if dimensions differ, or neighbours are of rows that do not exist."""
    parts = {"queries": stored.queries, "learn vectors": stored.learn}
    dimensions = {what: source.d for what, source in parts.items() if source is not None}
    if stored.judgements is not None:
        dimensions["judged queries"] = stored.judgements.queries.shape[1]
    for what, d in dimensions.items():
        if d != stored.base.d:
            raise InputError(f"the base has dimension {stored.base.d}, but the {what} have {d}; they must agree.")
    ids = stored.neighbors
    if ids is not None and ids.size and (ids.min() < 0 or ids.max() >= stored.base.n):
        raise InputError(
            f"the stored neighbours name rows from {ids.min()} to {ids.max()}, but the base has rows 0 to "
            f"{stored.base.n - 1}: they belong to other data."
        )


def _under_metric(name: str, stored: StoredDataset, metric: Metric, fingerprint: str) -> Dataset:
    """The data set as it is compared: under cosine everything is divided by its norm."""
    queries = stored.queries
    assert queries is not None
    notes = stored.notes
    base: VectorSource = stored.base
    learn, judgements = stored.learn, stored.judgements
    query_rows = queries.read(0, queries.n)
    if metric == "cosine":
        base, query_rows = UnitNormSource(base), unit_norm(query_rows)
        learn = UnitNormSource(learn) if learn is not None else None
        judgements = Judgements(unit_norm(judgements.queries), judgements.qrels) if judgements is not None else None
        if base.dtype.name == "float16":
            notes = (
                *notes,
                "stored as float16: the rounded rows are divided by their norm again when they are read.",
            )
    return Dataset(
        name=name,
        base=base,
        queries=query_rows,
        metric=metric,
        learn=learn,
        neighbors=stored.neighbors,
        judgements=judgements,
        fingerprint=fingerprint,
        learn_fingerprint=None if stored.learn is None else fingerprint_base(stored.learn, metric),
        revision=stored.revision,
        files=file_states(stored.base, stored.learn),
        notes=notes,
    )
