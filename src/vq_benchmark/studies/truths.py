"""The ground truth of a data set: given, come with the data, cached, or computed now."""

import hashlib
from pathlib import Path

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.fingerprint import fingerprint_array
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.accumulators import Span
from vq_benchmark.evaluation.evaluate import Truths, exact_truths, own_judged_queries
from vq_benchmark.evaluation.ground_truth import exact_neighbors
from vq_benchmark.evaluation.ground_truth_check import adopted_truth
from vq_benchmark.evaluation.ground_truth_files import Belonging, load_ids, load_truths, save_truths
from vq_benchmark.evaluation.top_candidates import squared_norms
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.studies.memory_estimate import truth_within_memory
from vq_benchmark.studies.plan import Options


def belonging_of(dataset: Dataset) -> Belonging:
    """What the ground truth of this data set belongs to."""
    judged = own_judged_queries(dataset)
    return Belonging(
        n=dataset.n,
        d=dataset.d,
        metric=dataset.metric,
        base_fingerprint=dataset.fingerprint,
        queries_fingerprint=fingerprint_array(dataset.queries),
        judged_fingerprint=None if judged is None else fingerprint_array(judged),
    )


def obtain_truths(dataset: Dataset, options: Options, start: int, stop: int, report: Reporter) -> Truths:
    """Exact neighbours over the whole base if they are at hand, else over rows [start, stop), computed and cached.

    Raises:
        InputError: a ground truth was given that does not belong to the data, or its computation does not fit into
            memory.
    """
    if options.ground_truth_path is not None:
        return _given(dataset, options, options.ground_truth_path, report)
    if dataset.neighbors is not None and dataset.neighbors.shape[1] >= min(options.k, dataset.n):
        try:
            return _adopted(dataset, options, dataset.neighbors, "the ground truth that came with the data", report)
        except InputError as error:
            report.say(f"{error} It is not used; exact neighbours are computed instead.")
    for span in ((0, dataset.n), (start, stop)):
        path = _cached(dataset, options, span)
        cached = _load(path, dataset, options, span, report)
        if cached is not None:
            return cached
    options = truth_within_memory(dataset, options, start, stop)
    with report.task(f"exact neighbours of {len(dataset.queries):,} queries", stop - start) as update:
        truths = exact_truths(
            dataset, options.k, start=start, stop=stop, batch_size=options.batch_size, on_block=update
        )
    _save(path, dataset, truths, report)
    return truths


def _given(dataset: Dataset, options: Options, path: Path, report: Reporter) -> Truths:
    if not path.is_file():
        raise InputError(f"there is no ground truth file {str(path)!r}.")
    if path.suffix == ".npz":
        return load_truths(path, belonging_of(dataset), options.k, (0, dataset.n))
    return _adopted(dataset, options, load_ids(path), f"the ground truth {str(path)!r}", report)


def _adopted(dataset: Dataset, options: Options, ids: IdArray, origin: str, report: Reporter) -> Truths:
    """Neighbours of others, checked once and kept in the cache with their exact scores."""
    content = hashlib.blake2b(ids.tobytes(), digest_size=8).hexdigest()
    path = _cached(dataset, options, (0, dataset.n), f"-of-{content}")
    cached = _load(path, dataset, options, (0, dataset.n), report)
    if cached is not None:
        return cached
    truth = adopted_truth(ids, dataset, options.k, origin)
    judged = own_judged_queries(dataset)
    if judged is None:
        truths = Truths(truth)
    else:
        with report.task(f"exact neighbours of {len(judged):,} judged queries", dataset.n) as update:
            truths = Truths(
                truth,
                exact_neighbors(
                    dataset.base, judged, dataset.metric, options.k, batch_size=options.batch_size, on_block=update
                ),
            )
    _save(path, dataset, truths, report)
    return truths


def _cached(dataset: Dataset, options: Options, span: Span, suffix: str = "") -> Path:
    belonging = repr(sorted(vars(belonging_of(dataset)).items()))
    key = hashlib.blake2b(belonging.encode(), digest_size=12).hexdigest()
    return options.cache_dir / "ground-truth" / f"{key}-k{options.k}-rows{span[0]}-{span[1]}{suffix}.npz"


def _load(path: Path, dataset: Dataset, options: Options, span: Span, report: Reporter) -> Truths | None:
    """What the cache holds, or None. A damaged file costs its computation again, not the study."""
    if not path.exists():
        return None
    try:
        return load_truths(path, belonging_of(dataset), options.k, span)
    except InputError as error:
        report.say(f"{error} It is not used; exact neighbours are computed again.")
        return None


def _save(path: Path, dataset: Dataset, truths: Truths, report: Reporter) -> None:
    """Keep neighbours for the next time; where the cache cannot be written, this time goes on without."""
    try:
        save_truths(path, truths, belonging_of(dataset), squared_norms(dataset.queries))
    except InputError as error:
        report.say(f"the exact neighbours are not kept for later: {error}")
