"""Which configurations a search considers: those that a sweep of its methods and budgets would measure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.engines.choosing import BY_NAME
from vq_benchmark.quantizers.engines.description import code_bytes
from vq_benchmark.quantizers.registry import get_quantizer, quantizer_class
from vq_benchmark.results.database import Run
from vq_benchmark.studies.cells import Cell, Grid, Options, Refusal, cells_of, parsed_grid
from vq_benchmark.studies.choosing import code_bytes_of
from vq_benchmark.studies.identity import run_id
from vq_benchmark.studies.recommending.search import Configuration

DEFAULT_METHODS = ("trellis", "segmented-eden", "saq", "rabitq", "sq", "pq", "opq")
"""In the order of the search: those that train fast set a size which the others have to beat."""
DEFAULT_BITS = (
    0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0,
    4.5, 5.0, 5.5, 6.0, 7.0, 8.0,
)  # fmt: skip
"""Budgets in bits per dimension; neighbours differ by 7 to 50 %, above 1 bit by at most 25 %."""
CONTROL = "none"


@dataclass(frozen=True)
class Choices:
    """What a search chooses from."""

    methods: tuple[str, ...] = DEFAULT_METHODS
    """In the order in which they are searched."""
    bits: tuple[float, ...] = DEFAULT_BITS
    seeds: tuple[int, ...] = (0,)
    engines: tuple[str, ...] = ()
    """Settings of engines, instead of methods and budgets; those with small codes are measured first."""

    def check(self) -> None:
        """Raise InputError for an unknown method, an impossible seed or budget, or where there is nothing to find."""
        parsed_grid(self.methods, {}, self.seeds)
        for method in self.methods:
            quantizer_class(method)
        if CONTROL in self.methods:
            raise InputError("'none' stores vectors as they are, so there is nothing to search; leave it out.")
        for bits in self.bits:
            if not 0 < bits < 1000:
                raise InputError(f"--bits is {bits:g}; it must be a number of bits per dimension above 0.")


def configurations(dataset: Dataset, options: Options, choices: Choices) -> tuple[list[Configuration], list[Refusal]]:
    """The distinct configurations of all methods and budgets, and why methods have none at some budgets.

    The same for settings of engines. Each is searched on its own: what one of them finds says nothing of another.
    """
    seeds = choices.seeds[:1]
    grid = Grid(parsed_grid(choices.methods, {}, seeds), choices.bits, seeds=seeds, engines=choices.engines)
    cells, refusals = cells_of(grid, dataset, options, (0, dataset.n))
    if choices.engines:
        found = [_setting(cell, dataset.d, dataset.distance) for cell in cells]
        return sorted(found, key=lambda each: each.code_bytes), refusals
    rows = min(options.measure.train_size, dataset.training_source(options.measure.train_size).n)
    return [_configuration(cell, dataset.d, rows) for cell in cells], refusals


def measured_before(
    dataset: Dataset, options: Options, choices: Choices, grid: Iterable[Configuration], runs: Iterable[Run]
) -> list[Configuration]:
    """Configurations outside the grid that earlier rows measured in the same way, with one of the seeds."""
    known = {each.label for each in grid}
    found: dict[str, Configuration] = {}
    for run in runs:
        cell = Cell(run.method, run.config, run.seed, 0, dataset.n)
        wanted = run.method in choices.methods and run.seed in choices.seeds and run.query_bits == "float"
        if wanted and cell.label not in known and run.run_id == run_id(dataset, options, cell):
            size, model = int(run.metrics["code_bytes"]), int(run.metrics["model_bytes"])
            whole = replace(cell, seed=choices.seeds[0])
            found[cell.label] = Configuration(run.method, cell.label, size, model, whole)
    return list(found.values())


def cells(configuration: Configuration, seeds: Sequence[int], rows: tuple[int, int]) -> list[Cell]:
    """The cells of a configuration on rows [start, stop), one for each seed."""
    assert configuration.cell is not None
    return [replace(configuration.cell, seed=seed, start=rows[0], stop=rows[1]) for seed in seeds]


def _setting(cell: Cell, d: int, distance: str) -> Configuration:
    least = get_quantizer(cell.method, **cell.config).least_model_bytes(d)
    return Configuration(cell.engine, cell.label, code_bytes(BY_NAME[cell.engine].at(d, distance), d), least, cell)


def _configuration(cell: Cell, d: int, training_rows: int) -> Configuration:
    quantizer = get_quantizer(cell.method, **cell.config)
    assert cell.budget is not None
    size = code_bytes_of(
        quantizer_class(cell.method), quantizer.parameters, cell.budget, d, training_rows=training_rows
    )
    return Configuration(cell.method, cell.label, size, quantizer.least_model_bytes(d), cell)
