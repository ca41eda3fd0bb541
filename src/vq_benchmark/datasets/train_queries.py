"""Queries to train on: those of a file, of an array, or the last of the data's own; never test queries."""

from dataclasses import replace

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.checks.bad_queries import without_judged
from vq_benchmark.datasets.checks.bad_rows import RefusingSource, usable_sample
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.datasets.sources.vector_source import ArraySource, VectorSource
from vq_benchmark.datasets.sources.wrappers import PrefixSource, UnitNormSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.wording import number_of

MOST_TRAIN_QUERIES = 10_000
"""More than these are sampled, so that they fit into memory."""


def split_off(stored: RawDataset, spec: DataSpec) -> RawDataset:
    """The data set without its last queries, which become training queries, if the option is their number.

    Raises:
        InputError: the data has no queries of its own, or too few.
    """
    if spec.train_queries is None or not spec.train_queries.isdecimal():
        return stored
    queries, count = stored.queries, int(spec.train_queries)
    if queries is None:
        raise InputError(
            f"--train-queries {count} takes queries of the data, which has none; held-out rows are distributed like "
            "the base, as is assumed without the option. Name a file of queries."
        )
    if not 0 < count < queries.n:
        raise InputError(
            f"--train-queries is {count}; of {queries.n} queries it must be 1 to {queries.n - 1}, so that some are "
            "left to test with."
        )
    left = queries.n - count
    rows = left + sample_rows(count, MOST_TRAIN_QUERIES, spec.split_seed)
    return replace(
        stored,
        queries=PrefixSource(queries, left),
        train_queries=ArraySource(take(queries, rows), numbers=queries.rows_in_file(rows)),
        notes=(*stored.notes, f"the last {count} of {queries.n} queries are training queries, not test queries."),
    )


def with_train_queries(dataset: Dataset, source: VectorSource | None, spec: DataSpec) -> Dataset:
    """The data set with training queries from a source, sampled by `split_seed`, and none of them a test query.

    Training queries that were split off the data's own are not judged either; those of a file are left out where they
    are test queries or judged queries.

    Raises:
        BadRows: more than 1 % of the training queries cannot be measured, or none can.
        InputError: none is left.
    """
    if source is None:
        return dataset
    source = UnitNormSource(source) if dataset.distance == "cosine" else source
    source = RefusingSource(source, dataset.distance, "training query") if spec.bad_rows == "refuse" else source
    rows = sample_rows(source.n, MOST_TRAIN_QUERIES, spec.split_seed)
    chosen = usable_sample(source, rows, dataset.distance, "training queries")
    if spec.train_queries is not None and spec.train_queries.isdecimal():
        dataset = _not_judged(dataset, chosen)
    judged = () if dataset.judgements is None else (dataset.judgements.queries,)
    tested = _rows_of(dataset.queries).union(*map(_rows_of, judged))
    kept = chosen[[row.tobytes() not in tested for row in chosen]]
    notes = []
    if len(chosen) < source.n:
        notes.append(f"training on {len(chosen):,} of {source.n:,} training queries.")
    if len(kept) < len(chosen):
        both = f"{len(chosen) - len(kept):,} of {number_of(len(chosen), 'training query', 'training queries')}"
        if not len(kept):
            raise InputError(f"{both} are also test queries, so none is left; name others with --train-queries.")
        notes.append(f"{both} are also test queries; training leaves them out.")
    return replace(dataset, train_queries=kept, notes=(*dataset.notes, *notes))


def _not_judged(dataset: Dataset, queries: FloatArray) -> Dataset:
    """The data set without judgements of these queries (t, d)."""
    judgements, trained_on = dataset.judgements, _rows_of(queries)
    if judgements is None:
        return dataset
    found = np.flatnonzero([row.tobytes() in trained_on for row in judgements.queries])
    remaining = without_judged(judgements, found)
    note = () if not len(found) else (f"{len(found):,} judged queries are training queries; they are not judged.",)
    return replace(
        dataset,
        judgements=remaining if len(remaining.queries) else None,
        notes=(*dataset.notes, *note),
    )


def _rows_of(queries: FloatArray) -> set[bytes]:
    return {row.tobytes() for row in queries}
