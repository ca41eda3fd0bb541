"""Merge complete sets of partial rows into finished rows."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from vq_benchmark.arrays import Array
from vq_benchmark.datasets.checks.bad_rows import LEFT_OUT_KEY, require_few
from vq_benchmark.datasets.file_states import FileStates, from_json, same_versions
from vq_benchmark.errors import BadRows, ChangedData
from vq_benchmark.evaluation.control import ImpossibleControl, checked
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.rate_distortion import BOUND_KEY, Bound, bound_metrics
from vq_benchmark.evaluation.spans import Span, gaps, joined
from vq_benchmark.evaluation.topk import TOP_ARRAYS
from vq_benchmark.results.database import Database, Run, now
from vq_benchmark.results.merging import Difference
from vq_benchmark.studies.cell_run import left_out_facts

SHOWN = 5
"""Ranges of rows that a sentence lists before it only counts the rest."""
OPEN = "status = 'partial' AND accumulators IS NOT NULL"


@dataclass
class Finishing:
    """The outcome of merging partial rows."""

    finished: list[Run] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    """A sentence for each set of chunks that could not be merged: what is missing or wrong."""


class Incomplete(Exception):
    """Why a set of chunks cannot be merged: the end of a sentence."""


def finish_partial_rows(
    database: Database, disputed: Collection[str] = (), *, only: Collection[str] | None = None
) -> Finishing:
    """Merge every complete set of chunks into a finished row and drop its accumulators.

    A control row that is impossible, or a row that had to leave out more than 1 % of the base, becomes a failed row.
    A second call changes nothing. Memory: two measurements at a time.

    Args:
        disputed: `whole_run_id` of sets not to merge, because a chunk has two different results.
        only: `whole_run_id` of the sets to consider, default all.
    """
    finishing = Finishing()
    partial = database.runs(OPEN, with_accumulators=False)
    sets = list(dict.fromkeys(run.whole_run_id for run in partial))
    for whole_run_id in sets:
        if only is not None and whole_run_id not in only:
            continue
        chunks = list(database.runs(f"{OPEN} AND whole_run_id = ?", (whole_run_id,), with_accumulators=False))
        chunks.sort(key=lambda run: (run.chunk_start, run.chunk_stop))
        spent = [run.run_id for run in chunks]
        earlier = database.get(whole_run_id)
        if earlier is not None and earlier.status == "done":
            database.put_all([], spent=spent)
            continue
        try:
            if whole_run_id in disputed:
                raise Incomplete("it is not merged, because the inputs disagree about its chunks")
            _check_whole(chunks, database)
            finished = _finished(chunks, _merged(chunks, database))
        except Incomplete as reason:
            finishing.incomplete.append(f"{_label(chunks[0])}: {reason}.")
            continue
        database.put_all([finished], spent=spent)
        if finished.status == "failed":
            finishing.incomplete.append(f"{_label(finished)}: {finished.error}")
        else:
            finishing.finished.append(finished)
    if len(sets) > len(finishing.incomplete):
        database.shrink()
    return finishing


def measurement_differences(mine: bytes, theirs: bytes) -> list[Difference]:
    """The differences between two serialised measurements of the same rows, except for their times.

    If their keys differ, for example in the model, only that; else their sums; else candidates and ground truths.
    """
    ours, others = _readable(mine), _readable(theirs)
    if ours is None or others is None:
        left, right = ("unreadable" if each is None else "readable" for each in (ours, others))
        return [("its measurement", left, right)]
    mine_is, theirs_is = asdict(ours.key), asdict(others.key)
    differing: list[Difference] = [
        (name, value, theirs_is[name]) for name, value in mine_is.items() if value != theirs_is[name]
    ]
    mine_sums, their_sums = ours.accumulators.sums, others.accumulators.sums
    for name in sorted({*mine_sums, *their_sums}) if not differing else ():
        if mine_sums.get(name) != their_sums.get(name):
            differing.append((f"the sum {name}", ours.accumulators.total(name), others.accumulators.total(name)))
    return differing or _array_differences(ours, others)


def _readable(data: bytes) -> Measurement | None:
    try:
        return Measurement.from_bytes(data)
    except ValueError:
        return None


def _array_differences(ours: Measurement, others: Measurement) -> list[Difference]:
    """The first place of each array where two measurements differ."""
    differing: list[Difference] = []
    right = dict(_arrays(others))
    for name, array in _arrays(ours):
        other = right.get(name, np.empty(0))
        if array.shape != other.shape:
            differing.append((f"the shape of {name}", array.shape, other.shape))
        elif not np.array_equal(array, other):
            place = tuple(int(axis[0]) for axis in np.nonzero(array != other))
            differing.append((f"{name} {list(place)}", array[place].item(), other[place].item()))
    return differing


def _arrays(measurement: Measurement) -> Iterator[tuple[str, Array]]:
    ground_truths = (measurement.truth, measurement.judged_truth)
    tops = [measurement.accumulators.top, *(None if truth is None else truth.top for truth in ground_truths)]
    for name, top in zip(("candidates", "neighbours", "neighbours of judged queries"), tops, strict=True):
        found = {} if top is None else top.arrays()
        for part in TOP_ARRAYS:
            yield f"{part} of {name}", found.get(part, np.empty(0))
    yield "query norms", measurement.query_norms
    yield "judgements", measurement.qrels
    yield "rows with the identifier of a query", np.empty(0) if measurement.own_rows is None else measurement.own_rows


def _check_whole(chunks: Sequence[Run], database: Database) -> None:
    """Raise Incomplete unless the chunks cover the base, each row once, with one model; reads no measurement."""
    problems = []
    spans = [(run.chunk_start, run.chunk_stop) for run in chunks]
    models: dict[object, list[Span]] = {}
    for run, span in zip(chunks, spans, strict=True):
        models.setdefault(run.environment.get("model_hash"), []).append(span)
    if len(models) > 1:
        parts = (f"{_rows(found)} with the model {str(model)[:12]}" for model, found in models.items())
        problems.append(f"its chunks have {len(models)} different models: {', '.join(parts)}")
    overlaps = _overlaps(spans)
    if overlaps:
        problems.append(f"its chunks cannot be merged: {_listed(overlaps)}; merge those of one division only")
    else:
        missing = gaps(joined(spans), chunks[0].n)
        if missing:
            problems.append(f"{_rows(missing)} of {chunks[0].n} are missing{_failures(chunks[0], missing, database)}")
    if problems:
        raise Incomplete("; ".join(problems))


def _overlaps(spans: Sequence[Span]) -> list[str]:
    """A sentence for each chunk, in ascending order, that overlaps an earlier one."""
    out = []
    farthest = spans[0]
    for span in spans[1:]:
        if span[0] < farthest[1]:
            first, last = span[0], min(span[1], farthest[1])
            out.append(
                f"rows {first} to {last} occur twice, in the chunks {farthest[0]} to {farthest[1]} and {span[0]} "
                f"to {span[1]}"
            )
        farthest = max(farthest, span, key=lambda each: each[1])
    return out


def _failures(of: Run, missing: Sequence[Span], database: Database) -> str:
    """The end of a sentence on missing rows: which of them failed, and the first error."""
    failed = [
        run
        for run in database.runs("status = 'failed' AND whole_run_id = ?", (of.whole_run_id,))
        if any(start <= run.chunk_start and run.chunk_stop <= stop for start, stop in missing)
    ]
    if not failed:
        return ""
    spans = sorted((run.chunk_start, run.chunk_stop) for run in failed)
    return f"; {_rows(spans)} failed: {(failed[0].error or '').rstrip('.')}"


def _merged(chunks: Sequence[Run], database: Database) -> Measurement:
    """The measurement of the whole base, merged one chunk at a time."""
    whole = _measurement(chunks[0], database)
    if whole.truth is None or whole.truth.span != (0, whole.key.n):  # else its digest tells
        _check_files(chunks)
    for run in chunks[1:]:
        try:
            whole.merge(_measurement(run, database))  # which no name keeps while the next one is read
        except (ValueError, ChangedData) as error:
            raise Incomplete(f"its chunks cannot be merged: {_chunk(run)} and those before: {error}") from error
    return whole


def _check_files(chunks: Sequence[Run]) -> None:
    """Raise Incomplete if two chunks were read from different versions of the files."""
    first, *others = [(run, from_json(run.environment.get("content", {}).get("files"))) for run in chunks]
    for run, files in others:
        if files != first[1] and not same_versions(files, first[1]):
            raise Incomplete(
                f"its chunks were read from different versions of the files: {_chunk(first[0])} from "
                f"{_versions(first[1])}, {_chunk(run)} from {_versions(files)}; rerun the commands of the chunks, "
                "which measure only what changed"
            )


def _versions(files: FileStates | None) -> str:
    return ", ".join(f"{state.path!r} ({state})" for state in files or ()) or "unknown ones"


def _measurement(run: Run, database: Database) -> Measurement:
    stored = database.get(run.run_id)
    try:
        measurement = Measurement.from_bytes((stored and stored.accumulators) or b"")
    except ValueError as error:
        raise Incomplete(
            f"the measurement of {_chunk(run)} is damaged: {error}; delete the row and rerun that chunk"
        ) from error
    spans = measurement.accumulators.spans
    if spans != [(run.chunk_start, run.chunk_stop)]:
        raise Incomplete(f"the row of {_chunk(run)} holds a measurement of different rows, {_rows(spans)}")
    return measurement


def _chunk(run: Run) -> str:
    return f"rows {run.chunk_start} to {run.chunk_stop} (run {run.run_id})"


def _finished(chunks: Sequence[Run], measurement: Measurement) -> Run:
    first = chunks[0]
    costs = {
        name: max(run.metrics[name] for run in chunks)
        for name in ("fit_seconds", "peak_memory_bytes", "data_block_bytes")
    }
    outcome: dict[str, Any] = {"status": "done"}
    left_out = measurement.content.left_out
    try:
        require_few(left_out, first.n)
        found = checked(first.method, measurement)
        bound = Bound.from_json(first.environment.get(BOUND_KEY))
        metrics = found.metrics | bound_metrics(found.metrics.get("mse"), bound) | costs
        outcome |= {"metrics": metrics, "per_query": found.per_query}
    except (BadRows, ImpossibleControl) as error:
        outcome = {"status": "failed", "metrics": {}, "error": str(error)}
    except (ValueError, ChangedData) as error:
        raise Incomplete(f"its chunks cannot be merged: {error}") from error
    content = first.environment.get("content", {}) | {"digest": measurement.content.hex, "searched": None}
    return replace(
        first,
        run_id=first.whole_run_id,
        chunk_start=0,
        chunk_stop=first.n,
        environment={name: fact for name, fact in first.environment.items() if name != LEFT_OUT_KEY}
        | left_out_facts(left_out, first.n)
        | {"merged_from": [run.run_id for run in chunks], "content": content},
        accumulators=None,
        created_at=now(),
        **outcome,
    )


def _rows(spans: Sequence[Span]) -> str:
    ranges = _listed([f"{start} to {stop}" for start, stop in spans])
    return f"rows {ranges}" + (f" ({sum(stop - start for start, stop in spans)} rows)" if len(spans) > SHOWN else "")


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - SHOWN
    return ", ".join(parts[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _label(run: Run) -> str:
    config = " ".join(f"{name}={value}" for name, value in run.config.items())
    queries = "" if run.query_bits == "float" else f" queries={run.query_bits}"
    return f"{run.method} {config}{queries} seed {run.seed} on {run.dataset}"
