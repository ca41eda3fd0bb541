"""The memory that the tasks of each stage need, from the plan alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation.evaluate import search_depth
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.studies.cells import Options
from vq_benchmark.studies.costs.memory_estimate import (
    BASELINE_BYTES,
    CANDIDATE_BYTES,
    SECOND_SCORE_BYTES,
    DataFacts,
    cell_estimate,
    truth_estimate,
)
from vq_benchmark.studies.plan import Configuration, Manifest
from vq_benchmark.studies.stages import STAGES, Stage


@dataclass(frozen=True)
class StageMemory:
    """The memory of the task of a stage that needs most, in bytes."""

    usual: int
    """With blocks of the batch size asked for."""
    least: int
    """With the smallest blocks; a job with less fails."""
    what: str
    """What needs it."""


def stage_memory(
    manifest: Manifest, dataset: Dataset, options: Options, cores: Mapping[Stage, int]
) -> dict[Stage, StageMemory]:
    """The memory of every stage of the study, with so many cores for a task."""
    facts = DataFacts.of(dataset, options.measure.train_size)
    rows = max(stop - start for start, stop in manifest.chunks)
    found: dict[Stage, StageMemory] = {}
    for stage in STAGES:
        usual = replace(options, machine=replace(options.machine, threads=cores[stage]))
        least = replace(options, machine=replace(usual.machine, batch_size=TILE_ROWS))
        if not manifest.count(stage):
            continue
        match stage:
            case "truth":
                of_blocks, of_tiles = (truth_estimate(facts, each, rows).total for each in (usual, least))
                found[stage] = StageMemory(of_blocks, of_tiles, "finding exact neighbours")
            case "fit":
                found[stage] = _largest(manifest.models, facts, (usual, least), manifest.n, with_fit=True)
            case "evaluate":
                found[stage] = _largest(manifest.configurations, facts, (usual, least), rows, with_fit=False)
            case "reduce" | "merge":
                bytes_of_two = BASELINE_BYTES + 2 * _answers(
                    facts, dataset, options, with_candidates=stage == "merge"
                )
                found[stage] = StageMemory(bytes_of_two, bytes_of_two, "merging two chunks")
    return found


def _largest(
    configurations: Iterable[Configuration],
    facts: DataFacts,
    options: tuple[Options, Options],
    rows: int,
    *,
    with_fit: bool,
) -> StageMemory:
    def needed(configuration: Configuration) -> StageMemory:
        quantizer = get_quantizer(configuration.method, **configuration.config)
        usual, least = (cell_estimate(facts, quantizer, each, rows, with_fit=with_fit).total for each in options)
        return StageMemory(usual, least, configuration.cell((0, rows)).label)

    return max(map(needed, configurations), key=lambda memory: memory.least)


def _answers(facts: DataFacts, dataset: Dataset, options: Options, *, with_candidates: bool) -> int:
    """Bytes of the exact neighbours of all queries and, if so, of a measurement's candidates."""
    measure = options.measure
    if not measure.with_recall:
        return 0
    neighbours = CANDIDATE_BYTES * search_depth(dataset, measure.k)
    candidates = (CANDIDATE_BYTES + SECOND_SCORE_BYTES) * measure.max_candidates if with_candidates else 0
    return facts.queries * (4 * facts.d + neighbours + candidates)
