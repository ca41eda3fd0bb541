"""What the tasks of a study cost: CPU time and disk space, by a calibration or by earlier rows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from vq_benchmark.studies.costs.calibration import Calibration, Line, mean_line
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


def study_cost(
    manifest: Manifest, calibration: Calibration | None, earlier: Mapping[str, Line] | None = None
) -> StudyCost:
    """The cost of the tasks that are not done, as far as it is known.

    A configuration that was not measured is taken to cost as much as those of its method, or else as all do.

    Args:
        calibration: what a rehearsal cost on this machine.
        earlier: what earlier rows say of configurations, by run id; it counts more than the calibration.
    """
    earlier = earlier or {}
    lines = (calibration.evaluate if calibration else {}) | dict(earlier)
    seconds = _seconds(manifest, calibration, lines)
    bytes_of = dict(calibration.bytes_of) if calibration else {}
    if "merge" in bytes_of:
        bytes_of["merge"] *= len(manifest.configurations)
    costs = {
        stage: StageCost(len(manifest.unfinished(stage)), seconds.get(stage), bytes_of.get(stage))
        for stage in STAGES
        if manifest.count(stage)
    }
    return StudyCost(costs, _source(manifest, lines, earlier))


def _seconds(manifest: Manifest, calibration: Calibration | None, lines: Mapping[str, Line]) -> dict[Stage, float]:
    rows = [stop - start for start, stop in manifest.chunks]
    found: dict[Stage, float] = {}
    if lines:
        line = mean_line(_lines(manifest, lines))
        found["evaluate"] = fmean(map(line.at, rows))
    if calibration is not None:
        found["truth"] = fmean(map(calibration.truth.at, rows))
        found["reduce"] = calibration.reduce * len(rows)
        found["merge"] = calibration.merge * len(manifest.configurations) * len(rows)
        fits = calibration.fit
        if fits:
            usual = fmean(fits.values())
            found["fit"] = fmean(fits.get(each.model_id, usual) for each in manifest.models)
    return found


def _lines(manifest: Manifest, lines: Mapping[str, Line]) -> Iterator[Line]:
    """The line of each configuration: its own, or else the mean of those of its method, or else of all."""
    methods = {each.run_id: each.method for each in manifest.configurations}
    of_methods: dict[str, list[Line]] = defaultdict(list)
    for run_id, line in lines.items():
        of_methods[methods[run_id]].append(line)
    means = {method: mean_line(known) for method, known in of_methods.items()}
    usual = mean_line(lines.values())
    for run_id, method in methods.items():
        yield lines.get(run_id) or means.get(method, usual)


def _source(manifest: Manifest, lines: Mapping[str, Line], earlier: Mapping[str, Line]) -> str:
    total = len(manifest.configurations)
    if not lines:
        return "no times were estimated."
    here, before = len(lines) - len(earlier), len(earlier)
    parts = [
        f"a calibration on this machine ({here} of {total} configurations, up to 4,096 rows)" if here else "",
        f"earlier rows ({before} of {total} configurations)" if before else "",
    ]
    rest = "; the other configurations are taken to cost as much as these" if len(lines) < total else ""
    return f"times are from {' and '.join(filter(None, parts))}{rest}."
