"""A short rehearsal of a study on a few thousand of its rows: what its tasks cost, in CPU time and on disk.

The tasks are the study's own, run in a temporary folder on one core. Each kind runs on few rows and on more, so that
what a task costs however small it is can be told from what it costs per row.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.wrappers import PrefixSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import scored_queries
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.quantizers.registry import get_quantizer, quantizer_class
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.plan import Configuration, Manifest
from vq_benchmark.studies.planning import draft_manifest
from vq_benchmark.studies.stages import Task
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, run_task

FEW_ROWS = 512
"""Rows of the smaller of two chunks; the larger is one tile."""
TRAINING_ROWS = (300, 1_000)
"""Rows that models are fitted to."""
WARM_SECONDS = 1.0
"""A task that takes less is run twice: the first time, it may load compiled code."""


@dataclass(frozen=True)
class Line:
    """A cost that grows with the number of rows."""

    constant: float = 0.0
    per_row: float = 0.0

    @classmethod
    def through(cls, few: tuple[int, float], more: tuple[int, float]) -> "Line":
        """The line through two points (rows, cost); it never falls, and is never below zero."""
        per_row = max(0.0, (more[1] - few[1]) / (more[0] - few[0])) if more[0] > few[0] else 0.0
        return cls(max(0.0, few[1] - per_row * few[0]), per_row)

    def at(self, rows: float) -> float:
        """The cost of so many rows."""
        return self.constant + self.per_row * rows


@dataclass(frozen=True)
class Calibration:
    """What tasks cost on this machine. Times are seconds of CPU time."""

    truth: Line
    evaluate: dict[str, Line]
    """By configuration, for those that there was time for."""
    fit: dict[str, float]
    """By model, of the whole training sample."""
    reduce: float
    """Per chunk."""
    merge: float
    """Per configuration and chunk."""
    bytes_of: dict[str, int]
    """Size of the file of a task, by stage; of `merge`, per configuration."""


def calibrated(manifest: Manifest, dataset: Dataset, seconds: float) -> Calibration | None:
    """Rehearse a study; None if nothing can be measured.

    Args:
        seconds: CPU time after which no further configuration is begun; at most twice as much time passes.
    """
    use_threads(1)
    with tempfile.TemporaryDirectory(prefix="vq-calibration-") as folder:
        rehearsal = _Rehearsal(manifest, dataset, Path(folder), _Clock(seconds))
        try:
            return rehearsal.run()
        except TaskFailed:  # the tasks themselves will say why, each for itself
            return None


class _Clock:
    """How much of the time for the rehearsal is left."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.cpu, self.wall = seconds, time.process_time(), time.monotonic()

    def left(self) -> float:
        """Seconds of CPU time."""
        used = max(time.process_time() - self.cpu, (time.monotonic() - self.wall) / 2)
        return self.seconds - used


class _Rehearsal:
    def __init__(self, manifest: Manifest, dataset: Dataset, folder: Path, clock: _Clock) -> None:
        self.clock = clock
        few = replace(
            dataset,
            base=PrefixSource(dataset.base, min(dataset.n, TILE_ROWS + FEW_ROWS)),
            queries=scored_queries(dataset),
            judgements=None,
            neighbors=None,
            fingerprint="calibration",
        )
        self.trained_on = min(manifest.study.train_size, dataset.training_source(manifest.study.train_size).n)
        changes = {"train_size": min(TRAINING_ROWS[1], self.trained_on), "ground_truth_path": None, "with_qps": False}
        study = manifest.study.model_copy(update={**changes, "chunks": 1})
        machine = Machine(cache_dir=folder / "cache", codebooks_dir=folder / "codebooks")
        cells = [each.cell((0, few.n)) for each in manifest.configurations]
        draft = draft_manifest(study, folder / "study", few, study.options(machine), cells)
        cut = min(TILE_ROWS, few.n - 1)
        chunks = ((0, cut), (cut, few.n))  # the last one has few rows
        self.manifest = replace(draft, chunks=chunks, configurations=tuple(_methods_first(draft.configurations)))
        self.originals = {
            each.run_id: original
            for each, original in zip(draft.configurations, manifest.configurations, strict=True)
        }  # fmt: skip
        self.context = TaskContext(self.manifest, machine, SilentReporter())
        self.context.__dict__["dataset"] = few  # in place of loading it
        self.bytes_of: dict[str, int] = {}

    def run(self) -> Calibration:
        manifest = self.manifest
        few, more = manifest.chunks[1], manifest.chunks[0]
        truth, reduce = Line(), 0.0
        if manifest.count("truth"):
            times = self.seconds(Task("truth", 1)), self.once(Task("truth", 0))
            truth = Line.through((few[1] - few[0], times[0]), (more[1] - more[0], times[1]))
            reduce = self.seconds(Task("reduce", 0)) / len(manifest.chunks)
        fits: dict[str, float] = {}
        lines: dict[str, Line] = {}
        measured: list[Configuration] = []
        for number, configuration in enumerate(manifest.configurations):
            if measured and self.clock.left() < 0:
                break
            if self.is_slow(configuration):
                continue
            first = number * len(manifest.chunks)
            fit = manifest.fit_of(Task("evaluate", first))
            original = self.originals[configuration.run_id]
            try:
                if original.model_id not in fits:
                    fits[original.model_id] = self.fitting(fit, configuration)
                times = self.seconds(Task("evaluate", first + 1)), self.once(Task("evaluate", first))
            except TaskFailed:
                continue
            lines[original.run_id] = Line.through((few[1] - few[0], times[0]), (more[1] - more[0], times[1]))
            measured.append(configuration)
        return Calibration(truth, lines, fits, reduce, self.merging(measured), self.bytes_of)

    def is_slow(self, configuration: Configuration) -> bool:
        """Whether even a small fit would take longer than the time that is left."""
        parameters = quantizer_class(configuration.method).parameters_type.parse(
            configuration.method, configuration.config
        )
        expected = parameters.training_seconds(self.manifest.study.train_size, self.context.dataset.d)
        return expected is not None and expected > self.clock.left()

    def fitting(self, task: Task, configuration: Configuration) -> float:
        """CPU seconds of a fit to the whole training sample."""
        more = self.manifest.study.train_size
        seconds, few = self.seconds(task), min(TRAINING_ROWS[0], more)
        train = self.context.dataset.training_sample(more, configuration.seed)[:few]
        quantizer = get_quantizer(configuration.method, **configuration.config)
        began = time.process_time()
        try:
            quantizer.fit(train, seed=configuration.seed)
        except InputError:  # too few rows for it
            return seconds * self.trained_on / more
        line = Line.through((few, time.process_time() - began), (more, seconds))
        return line.at(self.trained_on)

    def merging(self, measured: list[Configuration]) -> float:
        """CPU seconds of the merge per configuration and chunk."""
        merged = replace(self.manifest, folder=self.manifest.folder / "merged", configurations=tuple(measured))
        for configuration in measured:
            theirs = self.manifest.tasks_of(configuration)
            for task, there in zip(merged.tasks_of(configuration), theirs, strict=True):
                path = merged.result_path(task)
                path.parent.mkdir(parents=True, exist_ok=True)
                self.manifest.result_path(there).rename(path)
        if not measured:
            return 0.0
        context = TaskContext(merged, self.context.machine, SilentReporter())
        context.__dict__["dataset"] = self.context.dataset
        began = time.process_time()
        run_task(context, Task("merge", 0))
        self.bytes_of["merge"] = merged.results_path.stat().st_size // len(measured)
        return (time.process_time() - began) / len(measured) / len(merged.chunks)

    def seconds(self, task: Task) -> float:
        """CPU seconds of a task whose libraries are loaded."""
        path = self.manifest.result_path(task)
        took = self.once(task)
        if took < WARM_SECONDS:
            path.unlink()
            took = self.once(task)
        self.bytes_of[task.stage] = path.stat().st_size
        return took

    def once(self, task: Task) -> float:
        began = time.process_time()
        run_task(self.context, task)
        return time.process_time() - began


def _methods_first(configurations: Iterable[Configuration]) -> list[Configuration]:
    """One configuration of each method, then the second of each, and so on."""
    by_method: dict[str, list[Configuration]] = defaultdict(list)
    for each in configurations:
        by_method[each.method].append(each)
    return sorted(configurations, key=lambda each: by_method[each.method].index(each))


def mean_line(lines: Iterable[Line]) -> Line:
    """The mean of several lines."""
    found = list(lines)
    return Line(fmean(line.constant for line in found), fmean(line.per_row for line in found))
