"""`vq-benchmark study plan`, and what `slurm submit` shares with it: from options to the plan of a study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from vq_benchmark.cli.measuring import say_notes
from vq_benchmark.cli.options import PluginOptions, StudyData, StudyMeasure, grouped, store_option
from vq_benchmark.cli.studies import plan_table
from vq_benchmark.cli.studies.studying import MethodOptions, StudyOptions, chosen_study
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.machine.locations import cache_dir as chosen_cache_dir
from vq_benchmark.machine.locations import expanded, study_folder
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.cells import Machine, Options
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.planning import draft_manifest, plan_study
from vq_benchmark.studies.stages import STAGES
from vq_benchmark.studies.status import files_status
from vq_benchmark.studies.study import Study

StudyFile = Annotated[
    Path | None, Argument(help="A study in YAML, instead of --dataset and --method; options override its values.")
]


@dataclass(frozen=True)
class PlanOptions:
    """Where the parts of a study are kept."""

    study_dir: Annotated[str, Option(help="Folder of the study; the finished rows will be in results.db there.")]
    codebooks_dir: Annotated[
        str | None, store_option(help="Fitted models [default: codebooks in the folder of the study].")
    ] = None

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return study_folder(self.study_dir)


@dataclass(frozen=True)
class Prepared:
    """A study whose vectors were looked at, ready to be planned."""

    study: Study
    folder: Path
    dataset: Dataset
    options: Options

    def draft(self) -> Manifest:
        """The manifest as it would be written."""
        return draft_manifest(self.study, self.folder.absolute(), self.dataset, self.options)

    def plan(self) -> Manifest:
        """The manifest, written unless it is there already; says what cannot be run."""
        manifest = plan_study(self.study, self.folder, self.dataset, self.options)
        for refusal in manifest.refusals:
            echo(f"not run: {refusal.reason}")
        return manifest


def prepared(study: Study, where: PlanOptions, cache_dir: str | None) -> Prepared:
    """Check the grid of the study, open its vectors and say what was found."""
    study.grid()
    codebooks = where.folder / "codebooks" if where.codebooks_dir is None else expanded(where.codebooks_dir)
    options = study.options(Machine(cache_dir=chosen_cache_dir(cache_dir), codebooks_dir=codebooks))
    report = reporter()
    dataset = study.load(options.machine.cache_dir, report)
    say_notes(dataset, report)
    return Prepared(study, where.folder, dataset, options)


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("plan")(plan)


@grouped
def plan(
    context: typer.Context,
    what: StudyOptions,
    plugins: PluginOptions,
    data: StudyData,
    measure: StudyMeasure,
    grids: MethodOptions,
    where: PlanOptions,
    study: StudyFile = None,
    cache_dir: Annotated[str | None, store_option(help="Folder for downloads, as in `sweep`.")] = None,
    calibrate: plan_table.Calibrate = plan_table.CALIBRATION_SECONDS,
) -> None:
    """Write the plan of a study into a folder, and print what it will cost. Nothing is started."""
    ready = prepared(chosen_study(context, study, what, grids, data, measure, plugins), where, cache_dir)
    manifest = ready.plan()
    plan_table.show(plan_table.estimated(manifest, ready.dataset, ready.options, calibrate))
    found = files_status(manifest)
    total = sum(manifest.count(stage) for stage in STAGES)
    done = sum(each.state == "done" for each in found.tasks)
    configurations, chunks = len(manifest.configurations), len(manifest.chunks)
    echo(f"planned: {configurations} configurations on {chunks} chunks, {total} tasks, {done} of them done")
    echo(f"next: {found.next_command}")
