"""What the tasks of a study cost: CPU time and disk space, from a calibration on this machine."""

from dataclasses import dataclass
from statistics import fmean

from vq_benchmark.studies.calibration import Calibration, Line, mean_line
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import STAGES, Stage


@dataclass(frozen=True)
class StageCost:
    """The tasks of one stage that are not done."""

    tasks: int
    cpu_seconds: float | None
    """Of one task, on average; None if nothing is known."""
    bytes: int | None
    """Of the file of one task."""


@dataclass(frozen=True)
class StudyCost:
    """The tasks of a study that are not done."""

    stages: dict[Stage, StageCost]
    source: str
    """Where the times come from, as a sentence."""

    @property
    def cpu_seconds(self) -> float | None:
        """Of all tasks; None if nothing is known."""
        known = [cost.tasks * cost.cpu_seconds for cost in self.stages.values() if cost.cpu_seconds is not None]
        return sum(known) if known else None

    @property
    def bytes(self) -> int | None:
        """Of all files."""
        known = [cost.tasks * cost.bytes for cost in self.stages.values() if cost.bytes is not None]
        return sum(known) if known else None

    @property
    def files(self) -> int:
        """One for each task."""
        return sum(cost.tasks for cost in self.stages.values())


def study_cost(manifest: Manifest, calibration: Calibration | None) -> StudyCost:
    """The cost of the tasks that are not done; without a calibration only their number is known.

    A configuration that was not measured is taken to cost as much as those of its method, or else as all do.
    """
    unfinished = {stage: len(manifest.unfinished(stage)) for stage in STAGES if manifest.count(stage)}
    if calibration is None:
        unknown = {stage: StageCost(tasks, None, None) for stage, tasks in unfinished.items()}
        return StudyCost(unknown, "no times were estimated.")
    seconds = _seconds(manifest, calibration)
    bytes_of = dict(calibration.bytes_of)
    if "merge" in bytes_of:
        bytes_of["merge"] *= len(manifest.configurations)
    costs = {
        stage: StageCost(tasks, seconds.get(stage), bytes_of.get(stage))
        for stage, tasks in unfinished.items()
    }  # fmt: skip
    return StudyCost(costs, _source(manifest, calibration))


def _seconds(manifest: Manifest, calibration: Calibration) -> dict[Stage, float]:
    rows = [stop - start for start, stop in manifest.chunks]
    found: dict[Stage, float] = {
        "truth": fmean(map(calibration.truth.at, rows)),
        "reduce": calibration.reduce * len(rows),
    }
    if calibration.evaluate:
        lines = [_line_of(manifest, calibration, each.run_id) for each in manifest.configurations]
        found["evaluate"] = fmean(mean_line(lines).at(count) for count in rows)
        fits = calibration.fit
        found["fit"] = fmean(fits.get(each.model_id, fmean(fits.values())) for each in manifest.models)
        found["merge"] = calibration.merge * len(manifest.configurations)
    return found


def _line_of(manifest: Manifest, calibration: Calibration, run_id: str) -> Line:
    if run_id in calibration.evaluate:
        return calibration.evaluate[run_id]
    methods = {each.run_id: each.method for each in manifest.configurations}
    of_method = [line for known, line in calibration.evaluate.items() if methods[known] == methods[run_id]]
    return mean_line(of_method or calibration.evaluate.values())


def _source(manifest: Manifest, calibration: Calibration) -> str:
    measured, total = len(calibration.evaluate), len(manifest.configurations)
    if not measured:
        return "times of models are unknown: none could be fitted and measured in the time of the calibration."
    some = f"{measured} of {total}" if measured < total else f"{total}"
    rest = "; the others are taken to cost as much as these" if measured < total else ""
    return f"times are from a calibration on this machine, of {some} configurations on up to 4,096 rows{rest}."
