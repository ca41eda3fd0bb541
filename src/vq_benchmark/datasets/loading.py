"""From a name or a path to a data set that is ready to be benchmarked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.checks.bad_queries import without_bad_queries
from vq_benchmark.datasets.checks.bad_rows import LeftOut, RefusingSource, bad_rows, require_few
from vq_benchmark.datasets.checks.consistency import keep_usable, require_room
from vq_benchmark.datasets.checks.packed_bits import packed_bits
from vq_benchmark.datasets.checks.unusable_rows import (
    Magnitudes,
    check_numbered_rows,
    check_rows,
    check_scale,
    probe_rows,
    repeated_rows,
    require_rows,
)
from vq_benchmark.datasets.data_spec import DataSpec, asked_for, selected
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.distance_choice import choose_distance
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.file_states import file_states
from vq_benchmark.datasets.fingerprint import fingerprint_base
from vq_benchmark.datasets.from_arrays import array_dataset, array_source, holds_vectors
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.own_rows import own_rows_note
from vq_benchmark.datasets.parts.given_parts import with_given_parts, with_queries
from vq_benchmark.datasets.parts.origins import notes_of
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.resolving import resolve
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.datasets.sources.wrappers import UnitNormSource, unit_norm
from vq_benchmark.datasets.splitting import DEFAULT_NUM_QUERIES, choose_queries, keep_first
from vq_benchmark.datasets.train_queries import split_off, with_train_queries
from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import cache_dir as default_cache_dir
from vq_benchmark.machine.memory import allowed_memory, within_memory
from vq_benchmark.machine.progress import Reporter, SilentReporter


def load_dataset(
    name_or_path: str | Path | Sequence[str | Path] | ArrayLike,
    *,
    queries: str | Path | ArrayLike | None = None,
    train_queries: str | Path | int | ArrayLike | None = None,
    check: bool = True,
    cache_dir: str | Path | None = None,
    memory_limit: int | None = None,
    report: Reporter | None = None,
    **data: Any,
) -> Dataset:
    """A data set by its catalog name, by the path of a file or a directory, or of an array.

    Only the queries are read whole. An array is used as it is, without a copy.

    Args:
        name_or_path: a name of the catalog (NAME@REVISION pins a repository),
            `hf:OWNER/NAME[@REVISION][:CONFIG][:SPLIT]`, a file, a directory, a pattern of parquet files, a list
            of parquet files that are one base, or the base itself: an array (n, d).
        queries: an array (q, d) or a file of queries, instead of those that came with the data.
        train_queries: an array (t, d) or a file of queries for methods that train on them, or how many of the data's
            queries, the last ones; test queries are never among them.
        check: look for null, NaN, infinite and (under cosine) zero rows in the queries and in a sample of the base,
            and leave them out, or refuse them.
        cache_dir: where downloads and the index of parquet files are kept; by default $VQ_CACHE_DIR, else $TMPDIR in
            a SLURM job, else the user's cache.
        memory_limit: the most bytes that this process may use, by default the memory of the job or the machine; a
            file that needs more is refused before it is read.
        report: shows the progress of downloads.
        data: fields of `DataSpec`, which are the data options of the command line:
            metric, or distance ("l2", "ip" or "cosine"), overrides what the data states, or the guess where it states
            nothing;
            name is what results call the data set, by default the name of its file, or "array";
            base_path says which file, folder or pattern holds the base vectors of a folder;
            queries_path is a file of queries, instead of those that came with the data;
            learn_path is a file of vectors to train on, instead of those that came with the data;
            num_queries is the most queries to use; where the data has none, so many base rows are held out, by
            default 1,000, but at most a tenth of the base and at least 1;
            split_seed samples the held-out rows;
            dataset_limit, or limit, uses only this many first base rows, before any are held out;
            identical_ids "ignore" leaves the base row with the identifier of a judged query out of its ranking in
            judged metrics, as BEIR does, and "keep" keeps it, as MS MARCO does; by default the folder says which;
            bad_rows is "drop", which leaves out up to 1 % of such rows, or "refuse";
            num_samples and dim are the size of `synthetic`, and refused for others;
            vector_column is the parquet column, .npz member or HDF5 data set that holds the base vectors.

    Raises:
        InputError: the data set or an argument does not exist or cannot be used.
    """
    name = data.pop("name", None)
    found = array_dataset(name_or_path) if holds_vectors(name_or_path) else None
    if queries is not None and not holds_vectors(queries):
        data = {"queries_path": queries} | data
        queries = None
    if train_queries is not None and not holds_vectors(train_queries):
        data = data | {"train_queries": train_queries}
        train_queries = None
    spec = selected(found.name if found else name_or_path, data)
    options = LoadOptions(
        num_queries=spec.num_queries or DEFAULT_NUM_QUERIES,
        num_samples=spec.num_samples,
        dim=spec.dim,
        limit=spec.dataset_limit,
        column=spec.vector_column,
        base_path=spec.base_path,
        cache=default_cache_dir(None) if cache_dir is None else Path(cache_dir),
        report=report or SilentReporter(),
    )
    with within_memory(None if memory_limit is None else allowed_memory(memory_limit)):
        found = found or resolve(cast("str | Path | Sequence[str | Path]", name_or_path))
        if (spec.num_samples is not None or spec.dim is not None) and not found.any_size:
            raise InputError(
                f"--num-samples and --dim apply only to 'synthetic'; use --dataset-limit to take fewer rows of "
                f"{found.name!r}."
            )
        if spec.base_path is not None and not found.is_on_disk:
            raise InputError(f"--base-path applies to files and folders, not to the data set {found.name!r}.")
        stored = found.open(options)
        if queries is not None:
            stored = with_queries(stored, array_source(queries, "query"))
        if train_queries is not None:
            stored = replace(stored, train_queries=array_source(train_queries, "training query"))
        dataset = prepare_dataset(name or found.name, stored, spec, check=check)
    by_name = isinstance(name_or_path, str | Path) and queries is None and train_queries is None
    return replace(dataset, asked=asked_for(spec, on_disk=found.is_on_disk)) if by_name else dataset


def prepare_dataset(name: str, stored: RawDataset, spec: DataSpec, *, check: bool = True) -> Dataset:
    """Make stored parts ready to be benchmarked as the specification says; `check` is that of `load_dataset`.

    Raises:
        InputError: the data set cannot be used.
    """
    require_rows(stored.base, f"{name!r}")
    stored = _with_notes_of_sources(with_given_parts(stored, spec))
    require_room(name, stored, spec.num_queries or DEFAULT_NUM_QUERIES)
    if spec.dataset_limit is not None:
        stored = keep_first(stored, spec.dataset_limit)
    stored = choose_queries(split_off(stored, spec), spec.num_queries, spec.split_seed)
    stored = keep_usable(stored, spec)
    if stored.judgements is not None and (spec.identical_ids or stored.identical_ids) == "keep":
        stored = replace(stored, judgements=replace(stored.judgements, own_rows=None))
    numbers = probe_rows(stored.base.n)
    probed = take(stored.base, numbers)
    stored, chosen = choose_distance(stored, spec.metric, probed)
    fingerprint = fingerprint_base(stored.base, chosen, stored.split, probed=probed)
    packed = packed_bits(probed, stored.base.dtype, _names_of(name, stored.base, spec.vector_column))
    if packed is not None and check:
        raise InputError(f"{name!r}: {packed}")
    dataset = _under_distance(name, stored, chosen, fingerprint)
    notes = (*own_rows_note(dataset.judgements), *(() if packed is None else (packed,)))
    dataset = replace(dataset, notes=(*dataset.notes, *notes))
    if not check:
        return with_train_queries(dataset, stored.train_queries, spec)
    assert stored.queries is not None
    searched = unit_norm(probed) if chosen == "cosine" else probed
    if spec.bad_rows == "refuse":
        check_numbered_rows(probed, stored.base.rows_in_file(numbers), chosen)
        dataset = _refusing(dataset)
    else:
        drawn_from = stored.base.n + stored.queries.n if stored.split else None
        dataset = without_bad_queries(dataset, stored.queries.rows_in_file(np.arange(stored.queries.n)), drawn_from)
        note = _note_on_sample(searched, stored.base.rows_in_file(numbers), chosen, stored.base.n)
        dataset = replace(dataset, notes=(*dataset.notes, *note))
    dataset = with_train_queries(dataset, stored.train_queries, spec)
    good = ~bad_rows(searched, chosen)
    return replace(dataset, notes=(*dataset.notes, *repeated_rows(searched[good], dataset.queries)))


def _refusing(dataset: Dataset) -> Dataset:
    """The data set, which raises BadRows where a row that cannot be measured is read.

    Raises:
        BadRows: a query is such a row.
    """
    distance, learn, judgements = dataset.distance, dataset.learn, dataset.judgements
    check_rows(dataset.queries, 0, distance, what="query")
    if judgements is not None:
        check_rows(judgements.queries, 0, distance, what="judged query")
    learn = None if learn is None else RefusingSource(learn, distance, "learn")
    return replace(dataset, base=RefusingSource(dataset.base, distance), learn=learn)


def _note_on_sample(rows: FloatArray, numbers: IdArray, distance: Distance, n: int) -> list[str]:
    """A note if some of the sampled rows (r, d), with their numbers in the file, are left out.

    Raises:
        BadRows: these are more than 1 % of the base, or one is too large or too small for float32.
    """
    magnitudes = Magnitudes.of(rows)
    bad = magnitudes.bad(distance)
    check_scale(magnitudes, numbers, distance)
    if not bad.any():
        return []
    left_out = LeftOut.of(rows, numbers, bad)
    require_few(left_out, n, so_far=len(rows) < n)
    what = "base rows" if len(rows) == n else "sampled base rows"
    return [f"{left_out.sentence(len(rows), what)}; rows like these are left out."]


def _names_of(name: str, base: VectorSource, column: str | None) -> tuple[str, ...]:
    first = next(iter(base.paths or ()), Path(name))
    return name, first.stem, column or ""


def _with_notes_of_sources(stored: RawDataset) -> RawDataset:
    sources = (stored.base, stored.queries, stored.learn)
    notes = (note for source in sources if source is not None for note in source.notes)
    return replace(stored, notes=tuple(dict.fromkeys((*stored.notes, *notes))))


def _under_distance(name: str, stored: RawDataset, distance: Distance, fingerprint: str) -> Dataset:
    """The data set as it is compared: under cosine every vector is divided by its norm."""
    queries = stored.queries
    assert queries is not None
    notes = stored.notes
    base: VectorSource = stored.base
    learn, judgements = stored.learn, stored.judgements
    query_rows = queries.read(0, queries.n)
    if distance == "cosine":
        base, query_rows = UnitNormSource(base), unit_norm(query_rows)
        learn = UnitNormSource(learn) if learn is not None else None
        judgements = None if judgements is None else replace(judgements, queries=unit_norm(judgements.queries))
        if base.dtype.name == "float16":
            notes = (*notes, "base is float16; rows are re-normalised after conversion to float32.")
    return Dataset(
        name=name,
        base=base,
        queries=query_rows,
        distance=distance,
        learn=learn,
        neighbors=stored.neighbors,
        judgements=judgements,
        fingerprint=fingerprint,
        learn_fingerprint=None if stored.learn is None else fingerprint_base(stored.learn, distance),
        revision=stored.revision,
        files=file_states(stored.base, stored.learn),
        split=stored.split,
        notes=(*notes, *notes_of(stored.origins)),
        origins=stored.origins,
    )
