"""Run one cell: fit or load its model, measure it, and make its row."""

import time
import traceback
from dataclasses import replace
from typing import Any

from vq_benchmark.datasets.checks.bad_rows import LEFT_OUT_KEY, LeftOut
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.number_types import type_name
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.control import checked
from vq_benchmark.evaluation.evaluate import GroundTruths, evaluate
from vq_benchmark.evaluation.ground_truths.duplicate_queries import duplicate_queries
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metric_set import ENVIRONMENT_KEY, VERSION
from vq_benchmark.evaluation.metrics import Finished, Metrics
from vq_benchmark.evaluation.rate_distortion import BOUND_KEY, bound_metrics
from vq_benchmark.evaluation.sample_summary import SAMPLE_KEY
from vq_benchmark.evaluation.search_index import fastest_index
from vq_benchmark.evaluation.search_speed import search_metrics
from vq_benchmark.evaluation.tiling import Pass, block_rows
from vq_benchmark.machine.blas_kernels import slow_blas_note
from vq_benchmark.machine.memory import peak_bytes, reset_peak
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.provenance import environment
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.parts.faiss_index import index_name
from vq_benchmark.quantizers.registry import plugin_of
from vq_benchmark.results.database import Run
from vq_benchmark.studies.cells import OPTIONS_KEY, Cell, Options
from vq_benchmark.studies.checkpointing import Checkpointing, check_stop
from vq_benchmark.studies.contents import Contents
from vq_benchmark.studies.costs.memory_estimate import cell_within_memory
from vq_benchmark.studies.fitting import fitted_model, model_path, training_queries
from vq_benchmark.studies.ground_truths import say_left_out
from vq_benchmark.studies.identity import model_id, run_id

CPU_SECONDS = "cpu_seconds_per_row"
"""Of the pass, in the environment of a row: what a study like it costs."""


def run_cell(
    dataset: Dataset,
    options: Options,
    cell: Cell,
    sweep_id: str,
    ground_truths: GroundTruths | None,
    report: Reporter,
) -> Run:
    """The row of a cell: done, or partial where the cell is a chunk. Errors are the caller's.

    It goes on from the cell's checkpoint if there is one; removing that is the caller's too, once the row is stored.

    Raises:
        Stopped: a signal asked for it; the checkpoint is written.
        InputError: the checkpoint is of another model or other data.
    """
    peak_is_own = reset_peak()
    options = replace(options, measure=cell.measure(options.measure))
    check_stop(cell.label)
    path = model_path(options.machine.codebooks_dir, cell.method, model_id(dataset, options.measure.train_size, cell))
    options = cell_within_memory(dataset, options, cell, with_fit=not path.exists())
    model = fitted_model(dataset, options, cell, report)
    check_stop(cell.label)
    checkpoint = options.machine.checkpoints.of(
        run_id(dataset, options, cell),
        files=dataset.files,
        model_hash=model.hash,
        dataset_fingerprint=dataset.fingerprint,
    )
    contents = Contents(dataset, report, options.machine.batch_size)
    saved = Checkpointing(
        Measurement, checkpoint, options.machine.checkpoints.every, cell.label, cell.start, report, contents.are
    )
    rows, began = cell.stop - saved.next_row, time.process_time()
    with report.task(cell.label, rows) as update:
        measurement = evaluate(
            model.quantizer,
            dataset,
            ground_truths=ground_truths,
            k=options.measure.k,
            settings=options.measure.pass_settings(cell.seed, cell.query_bits),
            pass_=Pass(
                cell.start,
                cell.stop,
                options.machine.batch_size,
                on_block=update,
                resume=saved.resume,
                after_block=saved.after_block,
            ),
            trained_on=dataset.training_rows(options.measure.train_size, cell.seed),
        )
    cpu_seconds = time.process_time() - began
    rows_in_memory = min(block_rows(options.machine.batch_size), dataset.n)
    costs: dict[str, Any] = {
        "fit_seconds": model.fit_seconds,
        "peak_memory_bytes": peak_bytes(),
        "data_block_bytes": 4 * dataset.d * rows_in_memory,
    }
    whole = not measurement.missing
    found = checked(cell.method, measurement) if whole else Finished(Metrics(), None)
    if whole:
        costs |= bound_metrics(found.metrics.get("mse"), model.bound)
    facts = environment(options.machine.threads) | {
        "queries_in_base": None if ground_truths is None else duplicate_queries(dataset, ground_truths.queries),
        "model_id": model.id,
        "model_hash": model.hash,
        "model_reused": model.reused,
        BOUND_KEY: None if model.bound is None else model.bound.as_json(),
        SAMPLE_KEY: None if model.sample is None else model.sample.as_json(),
        "content": contents.record(measurement, model.training_digest),
        "peak_memory_is_of_this_cell": peak_is_own,
        "rerank": options.measure.rerank,
        CPU_SECONDS: cpu_seconds / rows if rows else None,
    }
    facts |= left_out_facts(measurement.content.left_out, cell.stop - cell.start)
    if dataset.left_out_queries:
        facts["left_out_queries"] = list(dataset.left_out_queries)
    if model.left_out:
        facts["left_out_training_rows"] = model.left_out
    if ground_truths is None:
        say_left_out(measurement.content.left_out, dataset, (cell.start, cell.stop), report)
    plugin = plugin_of(cell.method)
    if plugin is not None:
        facts["plugin"] = {"source": plugin.source, "sha256": plugin.hash}
    if model.quantizer.external:
        facts["external"] = True
    if options.measure.with_qps and ground_truths is not None and cell.query_bits == "float":
        saved.write(cell.stop, measurement)
        index = search_index(model.quantizer, dataset, options, cell, report)
        facts["search_index"] = None if index is None else index_name(index)
        if index is not None:
            slow = slow_blas_note(facts["blas"])
            if slow is not None:
                report.say(f"{cell.label}: the search is slower than it could be: {slow}")
            report.say(f"{cell.label}: searching, for at least 4 s")
            costs |= search_metrics(index, dataset, ground_truths.queries, cell.seed)
    return _row(
        dataset,
        options,
        cell,
        sweep_id,
        status="done" if whole else "partial",
        metrics=found.metrics | costs,
        environment=facts,
        per_query=found.per_query,
        accumulators=None if whole else measurement.without_idle_scores().to_bytes(),
    )


def left_out_facts(left_out: LeftOut, rows: int) -> dict[str, Any]:
    """What the environment of a row says of those of its `rows` that were left out; empty if none were."""
    return {LEFT_OUT_KEY: left_out.as_json(rows)} if left_out.count else {}


def search_index(quantizer: Quantizer, dataset: Dataset, options: Options, cell: Cell, report: Reporter) -> Any:
    """The fastest index of the codes of a fitted quantizer, with all of them in memory; None where there is none."""
    if not quantizer.may_be_searched():
        return None
    size = dataset.n * quantizer.code_bytes * quantizer.index_copies()
    report.say(f"{cell.label}: its search index takes {size / 1e6:,.1f} MB of memory")
    with report.task(f"{cell.label}: filling its search index", dataset.n) as update:

        def on_block(done: int) -> None:
            update(done)
            check_stop(cell.label, cell.stop - cell.start)

        return fastest_index(
            quantizer, dataset.base, dataset.distance, batch_size=options.machine.batch_size, on_block=on_block
        )


def failed_row(dataset: Dataset, options: Options, cell: Cell, sweep_id: str, error: Exception) -> Run:
    """The row of a cell that raised: its error in one line, the traceback beside it."""
    details = {"traceback": "".join(traceback.format_exception(error))}
    message = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}".removesuffix(": ")
    return _row(
        dataset, options, cell, sweep_id,
        status="failed", error=message, environment=environment(options.machine.threads) | details,
    )  # fmt: skip


def _row(
    dataset: Dataset, options: Options, cell: Cell, sweep_id: str, *, environment: dict[str, Any], **outcome: object
) -> Run:
    whole = replace(cell, start=0, stop=dataset.n)
    return Run(
        run_id=run_id(dataset, options, cell),
        whole_run_id=run_id(dataset, options, whole),
        sweep_id=sweep_id,
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        n=dataset.n,
        d=dataset.d,
        metric=dataset.distance,
        method=cell.method,
        config=dict(cell.config),
        seed=cell.seed,
        chunk_start=cell.start,
        chunk_stop=cell.stop,
        query_bits=cell.query_bits,
        budget=cell.budget,
        environment={
            "dataset_revision": dataset.revision,
            "dataset_fingerprint": dataset.fingerprint,
            "base_dtype": type_name(dataset.base.dtype),
            ENVIRONMENT_KEY: VERSION,
            OPTIONS_KEY: {"data": dataset.asked, "measure": options.measure.given()},
        }
        | ({"engine": cell.engine} if cell.engine else {})
        | training_queries(dataset)
        | environment,
        **outcome,  # type: ignore[arg-type]
    )
