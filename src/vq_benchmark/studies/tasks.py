"""Run one task of a study: the same code in one process, in a worker process, and under any scheduler."""

import functools
import json
import shutil
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from vq_benchmark.datasets.checks.bad_rows import require_few
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import ChangedData, InputError, Stopped
from vq_benchmark.evaluation.evaluate import GroundTruths, exact_truths, search_depth
from vq_benchmark.evaluation.ground_truths.gpu import gpu_search
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.ground_truths.ground_truth_files import load_truths, save_truths
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.provenance import environment
from vq_benchmark.results.database import Database, write_database
from vq_benchmark.results.merging import unite
from vq_benchmark.studies.aggregate import finish_partial_rows, measurement_differences
from vq_benchmark.studies.cell_run import failed_row, run_cell
from vq_benchmark.studies.cells import Machine, Options
from vq_benchmark.studies.contents import Contents, files_are_untouched
from vq_benchmark.studies.costs.memory_estimate import cell_within_memory, truth_within_memory
from vq_benchmark.studies.fitting import fitted_model
from vq_benchmark.studies.ground_truths import (
    belonging_of,
    obtain_truths,
    resumable_search,
    say_left_out,
    truth_key,
)
from vq_benchmark.studies.plan import Configuration, Manifest
from vq_benchmark.studies.scratch_rows import staged_rows
from vq_benchmark.studies.stages import NOT_DONE, Task

RESUME = "Resume the study to recompute it."
LEFT_BY_KILLS = ("checkpoints", "failures", "attempts")
"""Folders of a study that have no use once everything is done."""


class TaskFailed(Exception):
    """A task failed; its failure file holds the reason too."""


@dataclass(frozen=True)
class TaskContext:
    """A planned study and the machine that runs its tasks; data that several tasks need is loaded once."""

    manifest: Manifest
    machine: Machine
    """Threads, batch size and the like; the study's own folders override its places of models and checkpoints."""
    report: Reporter

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The vectors.

        Raises:
            InputError: they differ from those that the study was planned for.
        """
        dataset = self.manifest.study.load(self.machine.cache_dir, self.report)
        if dataset.fingerprint != self.manifest.fingerprint:
            raise InputError(
                f"the vectors of {dataset.name!r} have changed since the study in {str(self.manifest.folder)!r} was "
                f"planned (fingerprint {dataset.fingerprint}, expected {self.manifest.fingerprint}); plan the study "
                "again in a new folder."
            )
        return dataset

    @functools.cached_property
    def options(self) -> Options:
        """How cells are measured on this machine."""
        checkpoints = replace(self.machine.checkpoints, folder=self._checkpoints)
        machine = replace(self.machine, codebooks_dir=self.manifest.codebooks_dir, checkpoints=checkpoints)
        return self.manifest.study.options(machine)

    @property
    def _checkpoints(self) -> Path:
        return self.manifest.folder / "checkpoints"

    @functools.cached_property
    def whole_truth(self) -> GroundTruths | None:
        """Exact neighbours among all rows, if the study measures recall.

        Raises:
            InputError: the stage `reduce` is not done, or its vectors have changed since.
        """
        if not self.options.measure.with_recall:
            return None
        task = self.manifest.task("reduce", 0)
        require_done(self.manifest, task)
        self._require_current([task])
        return self._truth(task)

    @functools.cached_property
    def contents(self) -> Contents:
        """Tells whether earlier results belong to the vectors as they are now."""
        return Contents(self.dataset, self.report, self.machine.batch_size)

    def set_aside_outdated(self, tasks: Iterable[Task]) -> str:
        """Rename the results whose vectors have changed since; returns a sentence about them, or an empty string."""
        outdated = [each for each in tasks if self.manifest.result_path(each).exists() and not self._is_current(each)]
        paths = [self.manifest.result_path(each) for each in outdated]
        if not paths:
            return ""
        for path in paths:
            set_aside(path, "outdated")
        if paths[1:]:
            which = f"{str(paths[0])!r} and {len(paths) - 1} more results belong"
        else:
            which = f"{str(paths[0])!r} belongs"
        return f"{which} to vectors that have changed since; renamed to end in .outdated."

    def _is_current(self, task: Task) -> bool:
        """Whether a result belongs to the vectors as they are now; True where that cannot be known.

        Damage is noticed by the tasks that read the result.
        """
        path = self.manifest.result_path(task)
        try:
            if task.stage in ("truth", "reduce"):
                return self._truth_is_current(task)
            return task.stage == "fit" or self._rows_are_current(Database(path))
        except InputError:
            return True

    def _truth_is_current(self, task: Task) -> bool:
        path = self.manifest.result_path(task)
        ground_truths = self._load(path, self._span(task))
        present = self.contents.searched(ground_truths)
        if present is not None and present is not ground_truths:  # so that the vectors are compared only once
            self._save_truths(task, present)
        return present is not None

    def _rows_are_current(self, database: Database) -> bool:
        """Whether all rows belong to the vectors as they are now; if so, they are stored with the present file times.

        Raises:
            InputError: the vectors are gone, so that nobody can tell.
        """
        for run in database.runs("status != 'failed'"):
            if files_are_untouched(run):  # so that a merge seldom needs the data set
                continue
            present = self.contents.present(run, self.options.measure.train_size)
            if present is None:
                return False
            if present is not run:
                database.put(present)
        return True

    def _span(self, truth: Task) -> Span:
        return (0, self.manifest.n) if truth.stage == "reduce" else self.manifest.chunks[truth.index]

    def _load(self, path: Path, span: Span) -> GroundTruths:
        k = self.options.measure.k
        return load_truths(path, belonging_of(self.dataset), k, span, depth=search_depth(self.dataset, k))

    def _truth(self, task: Task) -> GroundTruths:
        manifest = self.manifest
        span = self._span(task)
        require_done(manifest, task)
        path = manifest.result_path(task)
        try:
            return self._load(path, span)
        except InputError as error:
            raise InputError(f"{error} {set_aside(path)} {RESUME}") from error

    def run_truth(self, task: Task) -> None:
        """Find the exact neighbours among the rows of one chunk."""
        rows = start, stop = self.manifest.chunks[task.index]
        options = truth_within_memory(self.dataset, self.options, start, stop)
        depth = search_depth(self.dataset, options.measure.k)
        key = truth_key(self.dataset, depth, rows)
        label = self.manifest.describe(task)
        walk = Pass[GroundTruth](start, stop, options.machine.batch_size)
        with (
            staged_rows(self.dataset, options, rows, self.report) as dataset,
            resumable_search(dataset, key, walk, label, options.machine.checkpoints, self.report) as search,
        ):
            gpu = gpu_search() if options.machine.use_gpu else None
            self._save_truths(task, exact_truths(dataset, depth, search, gpu))

    def run_reduce(self, task: Task) -> None:
        """Merge the exact neighbours of the chunks, or adopt those that were given."""
        parts = self.manifest.tasks("truth")
        self._require_current(parts)
        if parts:
            ground_truths = self._truth(parts[0])
            for part in parts[1:]:
                ground_truths.merge(self._truth(part))
            left_out = ground_truths.queries.content.left_out
            require_few(left_out, self.manifest.n)
            say_left_out(left_out, self.dataset, ground_truths.queries.span, self.report)
        else:
            ground_truths = obtain_truths(self.dataset, self.options, 0, self.manifest.n, self.report)
        self._save_truths(task, ground_truths)

    def _require_current(self, tasks: Iterable[Task]) -> None:
        """Raise ChangedData, and rename results, if some belong to vectors that have changed since."""
        outdated = self.set_aside_outdated(tasks)
        if outdated:
            raise ChangedData(f"{outdated} {RESUME}")

    def _save_truths(self, task: Task, ground_truths: GroundTruths) -> None:
        path = self.manifest.result_path(task)
        save_truths(path, ground_truths, belonging_of(self.dataset), squared_norms(self.dataset.queries))

    def run_fit(self, task: Task) -> None:
        """Fit one model to a sample of the whole data set."""
        whole = self.manifest.models[task.index].cell((0, self.manifest.n))
        options = cell_within_memory(self.dataset, self.options, whole, with_fit=True)
        fitted_model(self.dataset, options, whole, self.report)

    def run_evaluate(self, task: Task) -> None:
        """Measure one configuration on one chunk."""
        configuration, chunk = self.manifest.part(task)
        require_done(self.manifest, self.manifest.fit_of(task))
        cell, ground_truths = configuration.cell(chunk), self.whole_truth
        with staged_rows(self.dataset, self.options, chunk, self.report) as dataset:
            run = run_cell(dataset, self.options, cell, self.manifest.sweep_id, ground_truths, self.report)
        write_database(self.manifest.result_path(task), [run])
        self.options.machine.checkpoints.remove(run.run_id)

    def run_merge(self, task: Task) -> None:
        """Write the finished rows of all configurations, and a failed row for each that failed.

        Raises:
            TaskFailed: some configurations are incomplete; the message names the missing tasks.
        """
        database = Database(self.manifest.results_path)
        try:
            database.get("")
        except InputError as error:
            self.report.say(f"{error} {set_aside(database.path)} Merging the rows again.")
        outdated = self.set_aside_outdated([task])
        if outdated:
            self.report.say(f"{outdated} Merging the rows again.")
        outdated = self.set_aside_outdated(self.manifest.tasks("evaluate"))
        remarks = [f"{outdated} {RESUME}"] if outdated else []
        with self.report.task("merging", self.manifest.count("evaluate"), unit="chunks") as update:
            for number, configuration in enumerate(self.manifest.configurations, 1):
                remarks += self._finish(database, configuration)
                update(number * len(self.manifest.chunks))
        if remarks:
            raise TaskFailed("\n".join(remarks))
        # Everything is done; a kill between a result and the removal of what belongs to its task may have left some.
        for name in LEFT_BY_KILLS:
            shutil.rmtree(self.manifest.folder / name, ignore_errors=True)

    def _finish(self, database: Database, configuration: Configuration) -> list[str]:
        """Finish one configuration, so that the database never holds the accumulators of more than one."""
        manifest = self.manifest
        tasks = manifest.tasks_of(configuration)
        union = unite(
            database, [path for path in map(manifest.result_path, tasks) if path.exists()], measurement_differences
        )
        finishing = finish_partial_rows(database, union.disputed, only=[configuration.run_id])
        aside = [f"{set_aside(path)} {RESUME}" for path in union.skipped]
        remarks = [*union.unreadable, *aside, *union.conflicts]
        row = database.get(configuration.run_id)
        if row is not None and row.status == "done":
            return remarks
        whole = configuration.cell((0, manifest.n))
        reason = next(filter(None, map(manifest.failure, manifest.needed_for(configuration))), None)
        if reason is None:
            lost = [
                f"{manifest.describe(task)}: task {task.stage} {task.index} is not done."
                for task in tasks
                if manifest.outcome(task) == "missing"
            ]
            if lost:
                return [*remarks, *lost]
            earlier = [f"{whole.label}, seed {whole.seed} failed: {row.error}"] if row is not None else []
            return [*remarks, *(finishing.incomplete or earlier)]
        row = failed_row(self.dataset, self.options, whole, manifest.sweep_id, TaskFailed(reason))
        database.put(replace(row, error=reason))
        return [*remarks, f"{whole.label}, seed {whole.seed} failed: {reason}"]


def set_aside(path: Path, reason: str = "corrupt") -> str:
    """Rename an unusable result to NAME.REASON, so that its task counts as not done; returns a sentence."""
    aside = path.with_name(f"{path.name}.{reason}")
    with suppress(FileNotFoundError):  # another task was faster
        path.replace(aside)
    return f"It was renamed to {aside.name!r}."


def require_done(manifest: Manifest, task: Task) -> None:
    """Raise InputError unless the task, on which another depends, is done."""
    if manifest.outcome(task) != "done":
        raise InputError(f"{manifest.describe(task)}{NOT_DONE}{task.index} of stage {task.stage} is not done.")


def run_task(context: TaskContext, task: Task) -> None:
    """Run a task unless it is done. It leaves a result file or a failure file, or neither if it was stopped.

    Raises:
        TaskFailed: it failed.
        Stopped: a signal asked for it; the checkpoint is written.
    """
    manifest = context.manifest
    if manifest.outcome(task) == "done":
        context.report.say(f"{manifest.describe(task)}: already done.")
        return
    steps: dict[str, Callable[[Task], None]] = {
        "truth": context.run_truth,
        "reduce": context.run_reduce,
        "fit": context.run_fit,
        "evaluate": context.run_evaluate,
        "merge": context.run_merge,
    }
    try:
        manifest.use_plugins()
        steps[task.stage](task)
    except Stopped:
        raise
    except Exception as error:
        message = str(error) if isinstance(error, InputError | TaskFailed) else f"{type(error).__name__}: {error}"
        record_failure(context, task, message, "".join(traceback.format_exception(error)))
        raise TaskFailed(f"{manifest.describe(task)} failed: {message}") from error
    manifest.failure_path(task).unlink(missing_ok=True)


def record_failure(context: TaskContext, task: Task, message: str, details: str) -> None:
    """Record why a task failed, for `status` and for the failed row that `merge` writes."""
    content = {
        "error": message,
        "details": details,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment(context.machine.threads),
    }
    with atomic_write(context.manifest.failure_path(task)) as file:
        file.write(json.dumps(content, indent=1).encode())
