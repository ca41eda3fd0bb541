"""The plan of a study on disk: its tasks in stages, and which of them are done.

    DIR/manifest.json            the study; never changes
    DIR/truth/0-4096.npz         stage truth: the exact neighbours among the rows of one chunk
    DIR/truth/whole.npz          stage reduce: the same among all rows
    DIR/codebooks/pq-….npz       stage fit: one model per task, unless --codebooks-dir says otherwise
    DIR/results/evaluate-00042.db    stage evaluate: one row per configuration and chunk
    DIR/results.db               stage merge: the finished rows
    DIR/failures/fit-00003.json  why a task failed; removed when the task is done
    DIR/attempts/evaluate-00042  left where a process was killed during a task; only the order of tasks depends on it

A task is done if its file exists. There is no other state that could be wrong.
"""

import getpass
import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation import metric_set
from vq_benchmark.evaluation.query_coding import QueryBits
from vq_benchmark.evaluation.spans import Span, joined
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import MISSHAPEN, reading
from vq_benchmark.machine.documents import parsed_json, validated
from vq_benchmark.quantizers.registry import plugin_of, use_plugins
from vq_benchmark.results.database import Database
from vq_benchmark.studies.cells import Cell, Refusal, new_sweep_id
from vq_benchmark.studies.fitting import model_path
from vq_benchmark.studies.relocation import is_same, relocated
from vq_benchmark.studies.result_files import MANIFEST_FILE, RESULTS_FILE, WHOLE_TRUTH, evaluate_file, truth_file
from vq_benchmark.studies.stages import Stage, Task, parsed_stage
from vq_benchmark.studies.study import Study

Name = Annotated[str, StringConstraints(pattern=r"^[\w-]{1,64}$")]
"""Text that is safe in a file name."""
Outcome = Literal["done", "failed", "missing"]

FORMAT_VERSION = 2
KIND = "a readable manifest"
WITHOUT_EFFECT = {"resources"}
"""Keys of a study file that no task depends on, so that they may change."""


@dataclass(frozen=True)
class Configuration:
    """One method with parameters and a seed, under the ids that its model and its finished row will have."""

    method: Name
    config: dict[str, Any]
    seed: int
    model_id: Name
    run_id: Name
    query_bits: QueryBits = "float"
    budget: float | None = None
    engine: str = ""
    rerank: str | None = None

    def cell(self, rows: Span) -> Cell:
        """The configuration on rows [start, stop)."""
        return Cell(
            self.method, self.config, self.seed, *rows, self.query_bits, self.budget, self.engine, self.rerank
        )


@dataclass(frozen=True)
class Manifest:
    """A planned study: everything that its tasks need except for the vectors."""

    folder: Path
    study: Study
    sweep_id: str
    owner: str
    n: int
    fingerprint: str
    codebooks_dir: Path
    configurations: tuple[Configuration, ...]
    chunks: tuple[Span, ...]
    refusals: tuple[Refusal, ...] = ()
    truth_is_given: bool = False
    """Whether exact neighbours are part of the data or in a file, so that none are computed chunk by chunk."""
    code: dict[str, str] = field(default_factory=dict)
    """Hash of the code of each method from outside the package."""
    home: Path | None = None
    """The folder that the manifest was written for, if it is another one by now: the study was moved or copied."""
    inode: int | None = field(default=None, compare=False)
    """The number of that folder on its file system, which it keeps when it is renamed."""

    @cached_property
    def models(self) -> tuple[Configuration, ...]:
        """One configuration for each model: those that differ in how queries are coded share theirs."""
        first: dict[str, Configuration] = {}
        for each in self.configurations:
            first.setdefault(each.model_id, each)
        return tuple(first.values())

    @cached_property
    def _fits(self) -> dict[str, Task]:
        """The task that fits each model, by its id."""
        return {each.model_id: Task("fit", index) for index, each in enumerate(self.models)}

    @property
    def results_path(self) -> Path:
        return self.folder / RESULTS_FILE

    @property
    def whole_truth_path(self) -> Path:
        return self.folder / WHOLE_TRUTH

    def chunk_truth_path(self, index: int) -> Path:
        """Where the exact neighbours among the rows of a chunk are kept."""
        return self.folder / truth_file(self.chunks[index])

    def result_path(self, task: Task) -> Path:
        """The file whose existence says that a task is done."""
        match task.stage:
            case "truth":
                return self.chunk_truth_path(task.index)
            case "reduce":
                return self.whole_truth_path
            case "fit":
                configuration = self.models[task.index]
                return model_path(self.codebooks_dir, configuration.method, configuration.model_id)
            case "evaluate":
                return self.folder / evaluate_file(task)
            case "merge":
                return self.results_path

    def failure_path(self, task: Task) -> Path:
        """Where it is written why a task failed."""
        return self.folder / "failures" / f"{task.name}.json"

    def count(self, stage: Stage) -> int:
        """The number of tasks of a stage; 0 if the study does not need the stage."""
        with_truth = self.study.with_recall and not self.study.skip_ground_truth
        counts = {
            "truth": len(self.chunks) if with_truth and not self.truth_is_given else 0,
            "reduce": 1 if with_truth else 0,
            "fit": len(self.models),
            "evaluate": len(self.configurations) * len(self.chunks),
            "merge": 1,
        }
        return counts[stage]

    def tasks(self, stage: Stage) -> list[Task]:
        """All tasks of a stage, done or not."""
        return [Task(stage, index) for index in range(self.count(stage))]

    def task(self, stage: str, index: int) -> Task:
        """The task of that name.

        Raises:
            InputError: the stage does not exist, or has fewer tasks.
        """
        known = parsed_stage(stage)
        count = self.count(known)
        if not 0 <= index < count:
            valid = f"its tasks are 0 to {count - 1}" if count else "this study needs none"
            raise InputError(f"there is no task {index} of stage {stage}; {valid}.")
        return Task(known, index)

    def part(self, task: Task) -> tuple[Configuration, Span]:
        """The configuration and the rows of an `evaluate` task."""
        configuration, chunk = divmod(task.index, len(self.chunks))
        return self.configurations[configuration], self.chunks[chunk]

    def tasks_of(self, configuration: Configuration) -> list[Task]:
        """The `evaluate` tasks of a configuration, in the order of their chunks."""
        first = self.configurations.index(configuration) * len(self.chunks)
        return [Task("evaluate", index) for index in range(first, first + len(self.chunks))]

    def needed_for(self, configuration: Configuration) -> list[Task]:
        """All tasks that the finished row of a configuration needs, in an order in which they can run."""
        fit = self._fits[configuration.model_id]
        return [*self.tasks("truth"), *self.tasks("reduce"), fit, *self.tasks_of(configuration)]

    def fit_of(self, task: Task) -> Task:
        """The task that fits the model that an `evaluate` task measures."""
        return self._fits[self.part(task)[0].model_id]

    def describe(self, task: Task) -> str:
        """What a task does, in a few words."""
        match task.stage:
            case "truth":
                start, stop = self.chunks[task.index]
                return f"exact neighbours among rows {start:,} to {stop:,}"
            case "fit":
                configuration = self.models[task.index]
                return f"fit {configuration.cell((0, self.n)).label}, seed {configuration.seed}"
            case "evaluate":
                configuration, (start, stop) = self.part(task)
                label = configuration.cell((start, stop)).label
                return f"{label}, seed {configuration.seed}, rows {start:,} to {stop:,}"
            case "reduce":
                return "exact neighbours among all rows"
            case "merge":
                return "finished rows of all configurations"

    def outcome(self, task: Task) -> Outcome:
        """What the files say of a task. `merge` is done when every configuration has a finished row."""
        if task.stage == "merge":
            return self._merge_outcome()
        if self.result_path(task).exists():
            return "done"
        return "failed" if self.failure_path(task).exists() else "missing"

    def _merge_outcome(self) -> Outcome:
        try:
            rows = {run.run_id: run.status for run in Database(self.results_path).runs("status != 'partial'")}
        except InputError:
            return "missing"
        found = [rows.get(configuration.run_id) for configuration in self.configurations]
        if all(each == "done" for each in found):
            return "done"
        failed = all(found) or self.failure_path(Task("merge", 0)).exists()
        return "failed" if failed else "missing"

    def failure(self, task: Task) -> str | None:
        """Why a task failed, in a sentence; None if it did not fail."""
        path = self.failure_path(task)
        if self.outcome(task) == "done" or not path.exists():
            return None
        try:
            with reading(path, *MISSHAPEN, what="a readable record of why the task failed"):
                return str(parsed_json(path.read_bytes())["error"])
        except InputError as error:  # it failed all the same
            return str(error)

    def use_plugins(self) -> None:
        """Register the quantizers of the study's plugins.

        Raises:
            InputError: one cannot be loaded, or the code of a method is not what the study was planned for.
        """
        use_plugins(self.study.plugins)
        for method, planned in self.code.items():
            plugin = plugin_of(method)
            if plugin is None or plugin.hash != planned:
                raise InputError(
                    f"the code of {method} {'is not installed' if plugin is None else 'changed'} since the study in "
                    f"{str(self.folder)!r} was planned; restore it, or plan the study again in a new folder."
                )

    def unfinished(self, stage: Stage) -> list[Task]:
        """The tasks of a stage that are not done."""
        return [task for task in self.tasks(stage) if self.outcome(task) != "done"]

    def identity(self) -> str:
        """Hash of what determines the tasks, as 24 hex digits, without who planned them, where and when."""
        # A study without plugins has the identity that it had before there were any.
        without_effect = WITHOUT_EFFECT if self.study.plugins else {*WITHOUT_EFFECT, "plugins"}
        determining = [
            self.study.model_dump(mode="json", exclude=without_effect), self.n, self.fingerprint,
            str(self.codebooks_dir), [asdict(each) for each in self.configurations], self.chunks,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(determining, sort_keys=True).encode()).hexdigest()[:24]

    @property
    def is_copy(self) -> bool:
        """Whether its folder is another one than it was written for, and not that one under a new name."""
        return self.home is not None and self.folder.stat().st_ino != self.inode

    def settled(self) -> "Manifest":
        """The study as it is where it is now: a moved one is the same study, a copy is one of its own.

        A copy gets a name of its own, by which SLURM knows its jobs, and belongs to who copied it.
        """
        if not self.is_copy:
            return replace(self, home=None)
        return replace(self, home=None, sweep_id=new_sweep_id(), owner=getpass.getuser())

    def save(self) -> None:
        """Write the manifest. It changes only if the study is moved or copied to another folder."""
        content = {
            "version": FORMAT_VERSION,
            "metric_set": metric_set.VERSION,
            "package_version": version("vq-benchmark"),
            "study": self.study.model_dump(mode="json", exclude=WITHOUT_EFFECT),
            "sweep_id": self.sweep_id,
            "owner": self.owner,
            "home": str(self.folder),
            "n": self.n,
            "fingerprint": self.fingerprint,
            "codebooks_dir": str(self.codebooks_dir),
            "configurations": [asdict(each) for each in self.configurations],
            "chunks": self.chunks,
            "refusals": [asdict(each) for each in self.refusals],
            "truth_is_given": self.truth_is_given,
            "code": self.code,
        }
        with atomic_write(self.folder / MANIFEST_FILE) as file:
            content["inode"] = self.folder.stat().st_ino
            file.write(json.dumps(content, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """The manifest of a study's folder.

        Raises:
            InputError: it does not exist, is damaged, or was written by another version.
        """
        path = folder / MANIFEST_FILE
        if not path.exists():
            raise InputError(f"{str(folder)!r} is not the folder of a study: it has no {MANIFEST_FILE}.")
        with reading(path, *MISSHAPEN, what=KIND):
            content = parsed_json(path.read_bytes())
            release = content.pop("package_version").rsplit(".", 1)[0]
            found = content.pop("version"), release, content.pop("metric_set", 1)
        ours = FORMAT_VERSION, version("vq-benchmark").rsplit(".", 1)[0], metric_set.VERSION
        if found != ours:
            raise InputError(
                f"{str(path)!r} was written by vq-benchmark {found[1]} (format {found[0]}, metric set {found[2]}); "
                f"this is vq-benchmark {ours[1]} (format {ours[0]}, metric set {ours[2]}), whose numbers may differ. "
                "Continue with the old version, or start a new study."
            )
        with reading(path, *MISSHAPEN, what=KIND):
            now = folder.absolute()
            home = Path(content.get("home") or now)
            content = relocated(content, home, now)
            study = Study.parse(content["study"], repr(str(path)))
            moved = {"folder": now, "home": None if is_same(home, now) else home}
            manifest = validated(cls, content | moved | {"study": study})
            if joined(list(manifest.chunks)) != [(0, manifest.n)]:
                raise ValueError(f"its chunks do not cover the {manifest.n} rows of the base")
            manifest.codebooks_dir.exists()  # a damaged name may be too long even to be looked for
        return manifest
