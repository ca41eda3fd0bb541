"""Measure one quantizer on one data set, or on a chunk of it."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.checks.bad_rows import require_few
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.file_states import FileStates
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.ground_truths.gpu import Search, proposed_neighbors
from vq_benchmark.evaluation.ground_truths.ground_truth import DEFAULT_K, GroundTruth, exact_neighbors
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.measurement import Measurement, MeasurementKey
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.streaming import PassSettings, Queries, Streamed, Timings, stream
from vq_benchmark.evaluation.tiling import WHOLE_BASE, Pass
from vq_benchmark.evaluation.training_rows import TrainingRows
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.results.models import model_hash


@dataclass
class GroundTruths:
    """The ground truth of a data set's queries, and of its judged queries if those are a separate set."""

    queries: GroundTruth
    judged: GroundTruth | None = None
    files: FileStates | None = None
    """The files of the base at that time; None if unknown."""

    def merge(self, other: Self) -> None:
        """Merge the neighbours among other rows into these.

        Raises:
            ValueError: they belong to different queries, or the rows do not fit together.
        """
        if (self.judged is None) != (other.judged is None):
            raise ValueError("only one of the ground truths has neighbours of judged queries")
        self.queries.merge(other.queries)
        if self.judged is not None and other.judged is not None:
            self.judged.merge(other.judged)
        if self.files != other.files:
            self.files = None


def own_judged_queries(dataset: Dataset) -> FloatArray | None:
    """Judged queries (q, d) of their own; None if the data set's queries are judged, or none are."""
    judgements = dataset.judgements
    return None if judgements is None or judgements.queries is dataset.queries else judgements.queries


def scored_queries(dataset: Dataset) -> FloatArray:
    """All queries (q, d) that rows are scored against: the data set's, then judged queries of their own."""
    own = own_judged_queries(dataset)
    return dataset.queries if own is None else np.concatenate([dataset.queries, own])


def search_depth(dataset: Dataset, k: int) -> int:
    """How many exact neighbours to find for k of them: one more if judged metrics leave one out."""
    return k if dataset.judgements is None or dataset.judgements.own_rows is None else k + 1


def exact_truths(
    dataset: Dataset, k: int = DEFAULT_K, pass_: Pass[GroundTruth] = WHOLE_BASE, search: Search | None = None
) -> GroundTruths:
    """The exact neighbours of all queries of a data set among the rows of one pass over its base.

    What the pass finds, resumes from and copies is one `GroundTruth` of the queries and the judged queries together.
    With `search`, such as `gpu_search()`, that function proposes the candidates; the neighbours are the same.
    """
    sought = dataset.base, scored_queries(dataset), dataset.distance, k, pass_
    truth = exact_neighbors(*sought) if search is None else proposed_neighbors(search, *sought)
    dataset.require_unchanged()
    if own_judged_queries(dataset) is None:
        return GroundTruths(truth, files=dataset.files)
    count = len(dataset.queries)
    return GroundTruths(truth.part(slice(count)), truth.part(slice(count, None)), dataset.files)


def evaluate(
    quantizer: Quantizer,
    dataset: Dataset,
    *,
    ground_truths: GroundTruths | None = None,
    k: int = DEFAULT_K,
    settings: PassSettings = PassSettings(),  # noqa: B008 - frozen
    pass_: Pass[Measurement] = WHOLE_BASE,
    trained_on: IdArray | None = None,
) -> Measurement:
    """Measure a fitted quantizer on the rows of a pass; `finished_metrics` turns that of the whole base into metrics.

    Args:
        ground_truths: exact neighbours among all base rows or among the rows of the pass; computed if None and
            `settings.with_scores`.
        k: depth of the ground truth, and so of recall@k and of the rank distortion.
        pass_: which rows; a resumed pass gives the result of an uninterrupted one. The ground truth in `resume` is
            ignored.
        trained_on: the base rows that the quantizer was fitted to, see `Dataset.training_rows`. Errors are measured
            on the other rows if there are at least 100. None: unknown, so that all rows count.

    Raises:
        InputError: the quantizer is not fitted or has another dimension than the data set, more than 1 % of the base
            cannot be measured, or a row of `trained_on` is not in the base.
        ChangedData: a file changed during the pass, or the rows differ from those of the ground truth.
        ValueError: the quantizer returned invalid codes or vectors, or `resume` belongs to other rows or has
            another key.
    """
    _check(quantizer, dataset, k, settings)
    if ground_truths is None and settings.with_scores:
        ground_truths = exact_truths(
            dataset, search_depth(dataset, k), Pass(*pass_.rows(dataset.n), pass_.batch_size)
        )
    _check_truths(ground_truths, dataset, k)
    training = TrainingRows.of(dataset.n, trained_on)
    key = _key(quantizer, dataset, k, settings)
    if trained_on is not None:
        key = replace(key, trained_rows=len(training.ids), trained_hash=training.hash)
    measured = partial(_measurement, key, dataset, ground_truths, pass_.resume)
    rows = pass_.remaining(None if pass_.resume is None else _rows_of(pass_.resume, key), dataset.n)
    streamed = Accumulators(), Timings()
    if pass_.resume is None or rows[0] < rows[1]:
        queries = Queries(scored_queries(dataset), dataset.distance, for_pairs=len(dataset.queries))
        streamed = stream(quantizer, dataset.base, queries, settings, pass_.over(rows, measured), training)
    measurement = measured(streamed)
    dataset.require_unchanged()
    require_few(measurement.content.left_out, dataset.n, so_far=bool(measurement.missing))
    measurement.require_content_of_truth()
    return measurement


def _measurement(
    key: MeasurementKey,
    dataset: Dataset,
    ground_truths: GroundTruths | None,
    earlier: Measurement | None,
    streamed: Streamed,
) -> Measurement:
    """What a pass found, merged with the earlier measurement of the rows before it."""
    accumulators, timings = streamed
    if earlier is not None:
        accumulators.merge(earlier.accumulators)
        timings.merge(earlier.timings)
    return Measurement(
        key,
        accumulators,
        timings,
        query_norms=squared_norms(scored_queries(dataset)),
        truth=ground_truths.queries if ground_truths else None,
        judged_truth=ground_truths.judged if ground_truths else None,
        qrels=dataset.judgements.qrels if dataset.judgements else np.empty((0, 3), dtype=np.int64),
        own_rows=dataset.judgements.own_rows if dataset.judgements else None,
    )


def _check(quantizer: Quantizer, dataset: Dataset, k: int, settings: PassSettings) -> None:
    if quantizer.d != dataset.d:
        raise InputError(f"the model has dimension {quantizer.d}, but the data set has dimension {dataset.d}.")
    if k > settings.max_candidates:
        raise InputError(f"k is {k}, but only {settings.max_candidates} candidates are kept; raise --max-candidates.")


def _check_truths(ground_truths: GroundTruths | None, dataset: Dataset, k: int) -> None:
    if ground_truths is None:
        return
    _check_shape(ground_truths.queries, len(dataset.queries), min(k, dataset.n))
    if ground_truths.judged is not None:
        own = own_judged_queries(dataset)
        _check_shape(ground_truths.judged, 0 if own is None else len(own), min(k, dataset.n))


def _check_shape(truth: GroundTruth, queries: int, k: int) -> None:
    if len(truth.ids) != queries or truth.ids.shape[1] < k:
        raise InputError(f"the ground truth has shape {truth.ids.shape}, but {queries} queries need k = {k}.")


def _key(quantizer: Quantizer, dataset: Dataset, k: int, settings: PassSettings) -> MeasurementKey:
    return MeasurementKey(
        n=dataset.n,
        d=dataset.d,
        code_bytes=quantizer.code_bytes,
        model_bytes=quantizer.model_bytes,
        model_hash=model_hash(quantizer),
        metric=dataset.distance,
        queries=len(dataset.queries),
        judged_first=0 if own_judged_queries(dataset) is None else len(dataset.queries),
        k=k,
        seed=settings.seed,
        candidates=settings.max_candidates,
        num_pairs=settings.num_pairs,
        with_pairwise=settings.with_pairwise,
        with_rank=settings.with_rank,
        query_bits=settings.query_bits,
        rerank=settings.rerank,
        target_recall=settings.target_recall,
    )


def _rows_of(resume: Measurement, key: MeasurementKey) -> Span:
    """The rows that `resume` covers; ValueError if it has another key."""
    if resume.key != key:
        raise ValueError(f"the measurement to resume belongs to {resume.key}, expected {key}")
    (done,) = resume.accumulators.spans
    return done
