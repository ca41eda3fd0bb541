"""Measure one quantizer on one data set, or on a chunk of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.file_states import FileStates
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.ground_truth import DEFAULT_K, GroundTruth, exact_neighbors
from vq_benchmark.evaluation.measurement import Measurement, MeasurementKey
from vq_benchmark.evaluation.spans import next_row
from vq_benchmark.evaluation.streaming import PassSettings, Timings, stream
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, AfterBlock, OnBlock
from vq_benchmark.evaluation.topk import squared_norms
from vq_benchmark.quantizers.base import Quantizer


@dataclass
class GroundTruths:
    """The ground truth of a data set's queries, and of its judged queries where they are others."""

    queries: GroundTruth
    judged: GroundTruth | None = None
    files: FileStates | None = None
    """The files of the base as they were then; None where they are not known."""

    def merge(self, other: Self) -> None:
        """Take in the neighbours among other rows.

        Raises:
            ValueError: they are not of the same queries, or the rows don't fit together.
        """
        if (self.judged is None) != (other.judged is None):
            raise ValueError("only one of them has neighbours of judged queries")
        self.queries.merge(other.queries)
        if self.judged is not None and other.judged is not None:
            self.judged.merge(other.judged)
        if self.files != other.files:
            self.files = None


def own_judged_queries(dataset: Dataset) -> FloatArray | None:
    """Judged queries (q, d) that are not the data set's queries themselves."""
    judgements = dataset.judgements
    return None if judgements is None or judgements.queries is dataset.queries else judgements.queries


def exact_truths(
    dataset: Dataset,
    k: int = DEFAULT_K,
    *,
    start: int = 0,
    stop: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_block: OnBlock | None = None,
    resume: GroundTruth | None = None,
    after_block: AfterBlock[GroundTruth] | None = None,
) -> GroundTruths:
    """The exact neighbours of all queries of a data set among rows [start, stop) of its base, in one pass.

    `resume` and `after_block` are those of `exact_neighbors`, for the queries and the judged queries together.
    """
    own = own_judged_queries(dataset)
    both = dataset.queries if own is None else np.concatenate([dataset.queries, own])
    truth = exact_neighbors(
        dataset.base, both, dataset.metric, k, start=start, stop=stop, batch_size=batch_size,
        on_block=on_block, resume=resume, after_block=after_block,
    )  # fmt: skip
    dataset.require_unchanged()
    if own is None:
        return GroundTruths(truth, files=dataset.files)
    count = len(dataset.queries)
    return GroundTruths(truth.part(slice(count)), truth.part(slice(count, None)), dataset.files)


def _check_shape(truth: GroundTruth, queries: int, k: int) -> None:
    if len(truth.ids) != queries or truth.ids.shape[1] < k:
        raise InputError(f"a ground truth of shape {truth.ids.shape} was given, {queries} queries need k of {k}.")


def evaluate(
    quantizer: Quantizer,
    dataset: Dataset,
    *,
    start: int = 0,
    stop: int | None = None,
    ground_truths: GroundTruths | None = None,
    k: int = DEFAULT_K,
    with_rank: bool = True,
    model_hash: str = "",
    settings: PassSettings = PassSettings(),  # noqa: B008 - frozen
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_block: OnBlock | None = None,
    resume: Measurement | None = None,
    after_block: AfterBlock[Measurement] | None = None,
) -> Measurement:
    """Measure a fitted quantizer on rows [start, stop) of the base; `finished_metrics` turns the whole into metrics.

    Args:
        ground_truths: exact neighbours over the whole base or over just these rows; computed where None and
            `settings.with_scores`.
        k: depth of the ground truth; recall@k and the rank distortion go that deep.
        model_hash: identifies the fitted model; measurements of different models never merge.
        batch_size: rows in memory at a time; results do not depend on it.
        on_block: called after each block with the number of rows that this pass has finished.
        resume: what was measured before of rows [start, x); the pass then begins at x, and the result is that of an
            undisturbed one. Its ground truth is not looked at.
        after_block: called after each block with the next row, and with a function that copies what was measured of
            all rows before it.

    Raises:
        InputError: the quantizer does not fit the data set, or the data set has bad rows.
        ChangedData: a file changed during the pass, or the rows are not those of the ground truth.
        ValueError: the quantizer returned something that is not a code or a finite vector, or `resume` is of another
            key or other rows.
    """
    if quantizer.d != dataset.d:
        raise InputError(f"the model is for dimension {quantizer.d}, the data set has {dataset.d}.")
    if k > settings.candidates:
        raise InputError(f"k is {k}, but only {settings.candidates} candidates are kept (--max-candidates).")
    stop = dataset.n if stop is None else stop
    if ground_truths is None and settings.with_scores:
        ground_truths = exact_truths(dataset, k, start=start, stop=stop, batch_size=batch_size)
    own = own_judged_queries(dataset)
    if ground_truths is not None:
        _check_shape(ground_truths.queries, len(dataset.queries), min(k, dataset.n))
        if ground_truths.judged is not None:
            _check_shape(ground_truths.judged, 0 if own is None else len(own), min(k, dataset.n))
    scored = dataset.queries if own is None else np.concatenate([dataset.queries, own])
    key = _key(quantizer, dataset, k, with_rank, model_hash, settings)
    first = start if resume is None else _next_row(resume, key, start, stop)

    def measured(accumulators: Accumulators, timings: Timings) -> Measurement:
        if resume is not None:
            accumulators.merge(resume.accumulators)
            timings.merge(resume.timings)
        return Measurement(
            key,
            accumulators,
            timings,
            query_norms=squared_norms(scored),
            truth=ground_truths.queries if ground_truths else None,
            judged_truth=ground_truths.judged if ground_truths else None,
            qrels=dataset.judgements.qrels if dataset.judgements else np.empty((0, 3), dtype=np.int64),
        )

    def block_done(row: int, copy: Callable[[], tuple[Accumulators, Timings]]) -> None:
        if after_block is not None:
            after_block(row, lambda: measured(*copy()))

    found = Accumulators(), Timings()
    if resume is None or first < stop:
        found = stream(
            quantizer, dataset.base, scored, dataset.metric, settings,
            start=first, stop=stop, pair_queries=len(dataset.queries), batch_size=batch_size,
            on_block=on_block, after_block=block_done,
        )  # fmt: skip
    measurement = measured(*found)
    dataset.require_unchanged()
    measurement.require_content_of_truth()
    return measurement


def _key(
    quantizer: Quantizer, dataset: Dataset, k: int, with_rank: bool, model_hash: str, settings: PassSettings
) -> MeasurementKey:
    return MeasurementKey(
        n=dataset.n,
        d=dataset.d,
        code_bytes=quantizer.code_bytes,
        model_bytes=quantizer.model_bytes,
        model_hash=model_hash,
        metric=dataset.metric,
        queries=len(dataset.queries),
        judged_first=0 if own_judged_queries(dataset) is None else len(dataset.queries),
        k=k,
        seed=settings.seed,
        candidates=settings.candidates,
        num_pairs=settings.num_pairs,
        with_pairwise=settings.with_pairwise,
        with_rank=with_rank,
    )


def _next_row(resume: Measurement, key: MeasurementKey, start: int, stop: int) -> int:
    """The row that `resume` leaves off at; ValueError where it is none of these rows, or not of this key."""
    if resume.key != key:
        raise ValueError(f"the measurement to go on from is of {resume.key}, not of {key}")
    (done,) = resume.accumulators.spans
    return next_row(done, start, stop)
