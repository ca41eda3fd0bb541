"""How much memory a cell needs, from the plan alone, and how many rows at a time fit into the limit.

The estimate is within 30 % of the measured peak; the tests hold it to that for every method.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import own_judged_queries
from vq_benchmark.evaluation.rate_distortion import MATRICES
from vq_benchmark.evaluation.tiling import TILE_ROWS, block_rows
from vq_benchmark.evaluation.topk import QUERIES_PER_PRODUCT
from vq_benchmark.machine.memory import MIB, MemoryLimit, readable_bytes, resident_bytes
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.kernels.tiles import TILE_ROWS as ROWS_OF_THREAD
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.studies.cells import Cell, Options

BASELINE_BYTES = 290 * MIB
"""Python, the libraries and their compiled kernels, as measured; 100 MiB more where the kernels have never been
compiled on this machine, which is done once."""
CANDIDATE_BYTES = 3 * 8
"""One row kept for one query: its id, its score, and its exact score."""
SECOND_SCORE_BYTES = 8
"""Its score by the code of a second stage, where there is one."""
SCAN_FACTOR_BYTES = 4 * 4
"""Four float32 numbers of each row of a scan."""
ADVICE = {
    "queries": "fewer queries (--num-queries)",
    "candidates": "fewer candidates (--max-candidates) or queries (--num-queries)",
    "training": "a smaller training sample (--train-size)",
    "fitting": "a smaller training sample (--train-size) or a smaller model",
    "index": "no search index (leave out --with-qps)",
}
"""What to change, by the largest part of an estimate; any other part only needs more memory."""


@dataclass(frozen=True)
class DataFacts:
    """The facts of a data set that determine how much memory it needs."""

    n: int
    d: int
    queries: int
    """Judged queries of their own included."""
    training: int
    """Vectors that models are fitted to."""
    train_queries: int = 0
    reading: int = 0
    """Bytes for each row of a block while it is read, beside the row as float32: as it is in the file, if that is
    another dtype. None where a source is read in small pieces, under cosine and where rows are held out."""
    source: int = 0
    """Bytes that the source holds: the last block or piece."""

    @classmethod
    def of(cls, dataset: Dataset, train_size: int) -> Self:
        judged = own_judged_queries(dataset)
        return cls(
            n=dataset.n,
            d=dataset.d,
            queries=len(dataset.queries) + (0 if judged is None else len(judged)),
            training=min(train_size, dataset.training_source(train_size).n),
            train_queries=0 if dataset.train_queries is None else len(dataset.train_queries),
            reading=dataset.base.reading_bytes,
            source=dataset.base.held_bytes,
        )


@dataclass(frozen=True)
class MemoryEstimate:
    """The parts of the memory of a process, in bytes; some are held throughout, others in one step or another."""

    baseline: int
    queries: int
    """As they are, and as the method wants them."""
    candidates: int
    """The best rows of every query, and their copies when they are sorted."""
    ground_truth: int = 0
    model: int = 0
    training: int = 0
    """The training sample."""
    fitting: int = 0
    """What `fit` takes beside it, or its covariance if that is more, and a copy of the model to save it."""
    block: int = 0
    """The rows that are read at a time."""
    tile: int = 0
    """4,096 of them with what they are decoded to, for errors and for scores."""
    products: int = 0
    """Scores of the queries and the rows of a tile."""
    coding: int = 0
    """What encoding and decoding a tile takes beside that."""
    index: int = 0
    """The search index of all rows."""

    @property
    def total(self) -> int:
        """The peak: what is held throughout, and the largest of training, the pass, and the search."""
        throughout = self.baseline + self.queries + self.candidates + self.ground_truth + self.model
        rows = self.block + self.tile + self.coding
        return throughout + max(self.training + self.fitting, rows + self.products, rows + self.index)

    @property
    def largest(self) -> str:
        """The name of the largest part but the baseline."""
        names = (each.name for each in fields(self) if each.name != "baseline")
        return max(names, key=lambda name: int(getattr(self, name)))


def cell_estimate(
    facts: DataFacts,
    quantizer: Quantizer,
    options: Options,
    rows: int,
    *,
    with_fit: bool = True,
    baseline: int = BASELINE_BYTES,
) -> MemoryEstimate:
    """The memory to fit a quantizer and to measure it on `rows` rows of the base.

    Args:
        with_fit: whether the model must be fitted; not if it is on disk.
        baseline: bytes that the process uses before.
    """
    footprint = quantizer.footprint(facts.training, facts.d)
    per_row = 4 * (2 * facts.d + footprint.score_columns) + footprint.code
    in_flight = min(options.machine.threads * ROWS_OF_THREAD, TILE_ROWS)
    with_scores = options.measure.with_recall
    second_stage = 0 if options.measure.rerank == "exact" else 4 * facts.d
    with_index = options.measure.with_qps and quantizer.may_be_searched()
    return MemoryEstimate(
        **_of_pass(
            facts,
            options,
            rows,
            baseline,
            options.measure.max_candidates if with_scores else 0,
            footprint.score_columns,
        ),
        ground_truth=CANDIDATE_BYTES * facts.queries * options.measure.k if with_scores else 0,
        model=footprint.model,
        training=4 * facts.training * facts.d if with_fit else 0,
        fitting=max(footprint.fitting, 8 * MATRICES * facts.d**2) + footprint.model if with_fit else 0,
        tile=TILE_ROWS * (per_row + second_stage),
        coding=TILE_ROWS * footprint.row + in_flight * footprint.row_in_flight,
        index=facts.n * _index_bytes(quantizer, footprint.code) if with_index else 0,
    )


def _index_bytes(quantizer: Quantizer, code: int) -> int:
    """Bytes of each row of an index: its codes, and the factors of a scan."""
    copies = quantizer.index_copies()
    return copies * code + (SCAN_FACTOR_BYTES if copies > 1 else 0)


def truth_estimate(
    facts: DataFacts, options: Options, rows: int, *, baseline: int = BASELINE_BYTES
) -> MemoryEstimate:
    """The memory to find the exact neighbours of all queries among `rows` rows of the base."""
    return MemoryEstimate(
        **_of_pass(facts, options, rows, baseline, options.measure.k, score_columns=0), tile=TILE_ROWS * 4 * facts.d
    )


def _of_pass(
    facts: DataFacts, options: Options, rows: int, baseline: int, candidates: int, score_columns: int
) -> dict[str, int]:
    candidate = CANDIDATE_BYTES + (0 if options.measure.rerank == "exact" else SECOND_SCORE_BYTES)
    rows_at_once = min(block_rows(options.machine.batch_size), block_rows(rows), facts.n)
    return {
        "baseline": baseline + facts.source,
        "queries": 4 * facts.queries * (facts.d + score_columns) + 4 * facts.train_queries * facts.d,
        "candidates": 2 * candidate * facts.queries * candidates,
        "block": rows_at_once * (4 * facts.d + facts.reading),
        "products": 4 * min(facts.queries, QUERIES_PER_PRODUCT) * TILE_ROWS if candidates else 0,
    }


def block_size_that_fits(estimate: Callable[[int], MemoryEstimate], asked: int, limit: MemoryLimit, what: str) -> int:
    """The largest batch size, a multiple of 4,096 up to `asked`, whose estimate is within the limit.

    Args:
        estimate: of a batch size.
        what: the subject of the sentence if nothing fits.

    Raises:
        InputError: not even 4,096 rows at a time fit; the message names the need, the limit, and what to change.
    """
    for batch_size in range(block_rows(asked), 0, -TILE_ROWS):
        if estimate(batch_size).total <= limit.bytes:
            return batch_size
    least = estimate(TILE_ROWS)
    advice = f", or {ADVICE[least.largest]}" if least.largest in ADVICE else ""
    raise InputError(
        f"{what} needs about {readable_bytes(least.total)} of memory even with --batch-size {TILE_ROWS}, but "
        f"{limit.origin} allows {readable_bytes(limit.bytes)}; give it more memory{advice}."
    )


def cell_within_memory(dataset: Dataset, options: Options, cell: Cell, *, with_fit: bool) -> Options:
    """The options with the largest batch size, up to theirs, with which the cell fits into the memory they allow.

    Raises:
        InputError: it does not fit at any batch size.
    """
    facts = DataFacts.of(dataset, options.measure.train_size)
    quantizer = get_quantizer(cell.method, **cell.config)

    def estimate(options: Options) -> MemoryEstimate:
        return cell_estimate(facts, quantizer, options, cell.stop - cell.start, with_fit=with_fit, baseline=_held())

    return _within_memory(options, estimate, cell.label)


def truth_within_memory(dataset: Dataset, options: Options, start: int, stop: int) -> Options:
    """The same for the exact neighbours among rows [start, stop)."""
    facts = DataFacts.of(dataset, options.measure.train_size)

    def estimate(options: Options) -> MemoryEstimate:
        return truth_estimate(facts, options, stop - start, baseline=_held())

    return _within_memory(options, estimate, "finding the exact neighbours")


def _within_memory(options: Options, estimate: Callable[[Options], MemoryEstimate], what: str) -> Options:
    machine = options.machine
    if machine.memory is None:
        return options

    def with_batches_of(size: int) -> Options:
        return replace(options, machine=replace(machine, batch_size=size))

    return with_batches_of(
        block_size_that_fits(lambda size: estimate(with_batches_of(size)), machine.batch_size, machine.memory, what)
    )


def _held() -> int:
    """What this process holds: memory of earlier cells may not have been returned."""
    return max(BASELINE_BYTES, resident_bytes())
