"""The ground truth of a data set: given by the user, part of the data, cached, or computed now."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.checks.bad_queries import neighbors_in_use
from vq_benchmark.datasets.checks.bad_rows import LeftOut
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.fingerprint import fingerprint_array
from vq_benchmark.datasets.parts.neighbors import usable_neighbors
from vq_benchmark.errors import ChangedData, InputError
from vq_benchmark.evaluation.evaluate import GroundTruths, exact_truths, own_judged_queries, search_depth
from vq_benchmark.evaluation.ground_truths.duplicate_queries import duplicate_queries
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.ground_truths.ground_truth_check import adopted_truths
from vq_benchmark.evaluation.ground_truths.ground_truth_files import (
    Belonging,
    is_own_archive,
    load_ids,
    load_truths,
    save_truths,
)
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.results.checkpoints import Checkpoints
from vq_benchmark.studies.cells import Options
from vq_benchmark.studies.checkpointing import Checkpointing, check_stop
from vq_benchmark.studies.contents import Contents
from vq_benchmark.studies.costs.memory_estimate import truth_within_memory


def belonging_of(dataset: Dataset) -> Belonging:
    """What identifies the ground truth of this data set."""
    judged = own_judged_queries(dataset)
    return Belonging(
        n=dataset.n,
        d=dataset.d,
        metric=dataset.distance,
        base_fingerprint=dataset.fingerprint,
        queries_fingerprint=fingerprint_array(dataset.queries),
        judged_fingerprint=None if judged is None else fingerprint_array(judged),
    )


def has_stored_truth(dataset: Dataset, k: int) -> bool:
    """Whether the data set has neighbours of sufficient depth; they are not checked here."""
    return dataset.neighbors is not None and dataset.neighbors.shape[1] >= min(k, dataset.n)


def obtain_truths(dataset: Dataset, options: Options, start: int, stop: int, report: Reporter) -> GroundTruths:
    """Exact neighbours over the whole base if available, else over rows [start, stop), computed and cached.

    Raises:
        InputError: the given ground truth does not belong to the data, or computing it does not fit into memory.
    """
    if options.measure.ground_truth_path is not None:
        return _given(dataset, options, options.measure.ground_truth_path, report)
    stored = _stored(dataset, options, report)
    if stored is not None:
        return stored
    whole = (0, dataset.n)
    if (start, stop) != whole:
        depth = search_depth(dataset, options.measure.k)
        cached = _load(_cached(dataset, depth, options, whole), dataset, options, whole, report)
        if cached is not None:
            return cached
    return truths_among(dataset, options, (start, stop), report)


def truths_among(dataset: Dataset, options: Options, span: Span, report: Reporter) -> GroundTruths:
    """Exact neighbours among rows [start, stop) alone, computed and cached; never those of the whole base.

    Raises:
        InputError: computing them does not fit into memory.
    """
    start, stop = span
    path = _cached(dataset, search_depth(dataset, options.measure.k), options, span)
    cached = _load(path, dataset, options, span, report)
    if cached is not None:
        return cached
    options = truth_within_memory(dataset, options, start, stop)
    label = f"exact neighbours of {len(dataset.queries):,} queries"
    rows = Pass[GroundTruth](start, stop, options.machine.batch_size)
    with resumable_search(dataset, path.stem, rows, label, options.machine.checkpoints, report) as search:
        ground_truths = exact_truths(dataset, search_depth(dataset, options.measure.k), search)
        _save(path, dataset, ground_truths, report)
    return ground_truths


def check_given_truth(dataset: Dataset, options: Options, report: Reporter) -> None:
    """Check the ground truth that the user gave, even if nothing is left to measure.

    Raises:
        InputError: the file does not exist, or it does not belong to the data.
    """
    if options.measure.ground_truth_path is not None and options.measure.with_recall:
        _given(dataset, options, options.measure.ground_truth_path, report)


def say_repeated_queries(dataset: Dataset, ground_truths: GroundTruths, report: Reporter) -> None:
    """Report how many queries also occur in the base, if any."""
    count = duplicate_queries(dataset, ground_truths.queries)
    if count:
        report.say(f"{count} of {len(dataset.queries):,} queries also occur in the base, which inflates recall.")


def say_left_out(left_out: LeftOut, dataset: Dataset, rows: Span, report: Reporter) -> None:
    """Report which of the base rows [start, stop) cannot be measured, if any."""
    start, stop = rows
    if left_out.count:
        what = "base rows" if rows == (0, dataset.n) else f"base rows from {start:,} to {stop:,}"
        report.say(f"{left_out.sentence(stop - start, what)}; they are left out.")


@contextmanager
def resumable_search(
    dataset: Dataset,
    key: str,
    rows: Pass[GroundTruth],
    label: str,
    checkpoints: Checkpoints,
    report: Reporter,
) -> Iterator[Pass[GroundTruth]]:
    """The pass `rows` of a search for exact neighbours with hooks: it shows progress, and can be stopped and resumed.

    The checkpoint is removed once the block ends without an error.

    Raises:
        Stopped: a signal asked for it; the checkpoint is written.
        InputError: the checkpoint belongs to other data.
    """
    check_stop(label)
    id_ = _search_id(key)
    checkpoint = checkpoints.of(id_, files=dataset.files, dataset_fingerprint=dataset.fingerprint)
    is_current = Contents(dataset, report).are
    start, stop = rows.rows(dataset.n)
    saved = Checkpointing(GroundTruth, checkpoint, checkpoints.every, label, start, report, is_current)
    with report.task(label, stop - saved.next_row) as update:
        yield replace(rows, on_block=update, resume=saved.resume, after_block=saved.after_block)
    checkpoints.remove(id_)


def _search_id(key: str) -> str:
    return f"truth-{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}"


def _stored(dataset: Dataset, options: Options, report: Reporter) -> GroundTruths | None:
    """The neighbours that came with the data; None if there are none that can be used, which the report says."""
    ids, k = dataset.neighbors, min(options.measure.k, dataset.n)
    if ids is None:
        return None
    if not has_stored_truth(dataset, k):
        report.say(
            f"the neighbours that came with the data are not used: {ids.shape[1]} of each query can be, but --k is "
            f"{k}; computing exact neighbours instead."
        )
        return None
    try:
        return _adopted(dataset, options, ids, "the ground truth that came with the data", report)
    except InputError as error:
        report.say(f"{error} Ignoring it and computing exact neighbours instead.")
        return None


def _given(dataset: Dataset, options: Options, path: Path, report: Reporter) -> GroundTruths:
    if not path.is_file():
        raise InputError(f"the ground truth file {str(path)!r} does not exist.")
    if is_own_archive(path):
        depth = search_depth(dataset, options.measure.k)
        ground_truths = load_truths(path, belonging_of(dataset), options.measure.k, (0, dataset.n), depth=depth)
        present = Contents(dataset, report, options.machine.batch_size).searched(ground_truths)
        if present is None:
            raise ChangedData(
                f"the vectors have changed since the ground truth {str(path)!r} was computed; recompute it with "
                "`vq-benchmark precompute-gt`."
            )
        return present
    origin, count = f"the ground truth {str(path)!r}", len(dataset.queries)
    ids = neighbors_in_use(dataset, load_ids(path))
    try:
        found = usable_neighbors(ids, dataset.n, count)
    except InputError as error:
        raise InputError(f"{origin} cannot be used: {error}") from error
    if len(ids) > count:
        report.say(f"{origin}: using the first {count} of {len(ids)} rows, one for each query.")
    for remark in found.remarks:
        report.say(f"{origin}: its rows {remark}.")
    return _adopted(dataset, options, found.ids, origin, report)


def _adopted(dataset: Dataset, options: Options, ids: IdArray, origin: str, report: Reporter) -> GroundTruths:
    """Neighbours from elsewhere, checked once; those that are wrong as rows from 0 may be right as rows from 1.

    Raises:
        InputError: the vectors contradict them either way.
    """
    try:
        return _checked(dataset, options, ids, origin, report)
    except ChangedData:
        raise
    except InputError as error:
        if ids[:, : options.measure.k].min() < 1:
            raise
        try:
            found = _checked(dataset, options, ids - 1, origin, report)
        except InputError:
            raise error from None
    report.say(f"{origin} counts rows from 1, so 1 is subtracted.")
    return found


def _checked(dataset: Dataset, options: Options, ids: IdArray, origin: str, report: Reporter) -> GroundTruths:
    """Neighbours from elsewhere, checked against the vectors once and cached with their exact scores."""
    content = hashlib.blake2b(ids.tobytes(), digest_size=8).hexdigest()
    path = _cached(dataset, options.measure.k, options, (0, dataset.n), f"-of-{content}")
    cached = _load(path, dataset, options, (0, dataset.n), report)
    if cached is not None:
        return cached
    judged = own_judged_queries(dataset)
    label = f"checking {origin}" if judged is None else f"exact neighbours of {len(judged):,} judged queries"
    rows = Pass[GroundTruth](batch_size=options.machine.batch_size)
    with resumable_search(dataset, path.stem, rows, label, options.machine.checkpoints, report) as search:
        ground_truths = adopted_truths(ids, dataset, options.measure.k, origin, search)
    _save(path, dataset, ground_truths, report)
    return ground_truths


def truth_key(dataset: Dataset, k: int, rows: Span) -> str:
    """The name of the ground truth of a data set's queries among `rows` of its base."""
    belonging = repr(sorted(vars(belonging_of(dataset)).items()))
    key = hashlib.blake2b(belonging.encode(), digest_size=12).hexdigest()
    return f"{key}-k{k}-rows{rows[0]}-{rows[1]}"


def _cached(dataset: Dataset, k: int, options: Options, rows: Span, suffix: str = "") -> Path:
    return options.machine.cache_dir / "ground-truth" / f"{truth_key(dataset, k, rows)}{suffix}.npz"


def _load(path: Path, dataset: Dataset, options: Options, span: Span, report: Reporter) -> GroundTruths | None:
    """The cached neighbours among `span`; None if there are none, or they are damaged or outdated.

    A damaged file is recomputed; it does not end the study.
    """
    if not path.exists():
        return None
    try:
        depth = search_depth(dataset, options.measure.k)
        ground_truths = load_truths(path, belonging_of(dataset), options.measure.k, span, depth=depth)
    except InputError as error:
        report.say(f"{error} Recomputing the exact neighbours.")
        return None
    present = Contents(dataset, report, options.machine.batch_size).searched(ground_truths)
    if present is None:
        report.say("the vectors have changed since their exact neighbours were computed; recomputing them.")
        return None
    if present is not ground_truths:  # so that the vectors are compared only once
        _save(path, dataset, present, report)
    options.machine.checkpoints.remove(_search_id(path.stem))  # a kill may have come between the file and this
    return present


def _save(path: Path, dataset: Dataset, ground_truths: GroundTruths, report: Reporter) -> None:
    """Cache neighbours; if the cache cannot be written, say so and continue."""
    try:
        save_truths(path, ground_truths, belonging_of(dataset), squared_norms(dataset.queries))
    except InputError as error:
        report.say(f"could not cache the exact neighbours: {error}")
