"""One streaming pass over some rows of a base: encode, decode, score, accumulate."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray, IdArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.inner_products import errors_and_norms, squared_distances, squared_norms
from vq_benchmark.evaluation.query_coding import QueryBits, projected_queries
from vq_benchmark.evaluation.scores import Scores, scores_of
from vq_benchmark.evaluation.second_stage import SecondStage, second_stage_vectors
from vq_benchmark.evaluation.tiling import TILE_ROWS, WHOLE_BASE, Pass, Tile, tiles
from vq_benchmark.evaluation.topk import TopCandidates
from vq_benchmark.evaluation.training_rows import TrainingRows
from vq_benchmark.quantizers.base import Quantizer

WARM_UP_ROWS = 64


@dataclass(frozen=True)
class PassSettings:
    """What a pass measures; every field affects the result."""

    max_candidates: int = 200
    """Best rows kept per query (R)."""
    num_pairs: int = 20_000
    """Pairs of a query and a vector, and as many pairs of two vectors, drawn over the whole base."""
    seed: int = 0
    """Seed of the pairs and of the bootstrap."""
    with_scores: bool = True
    """Whether to score all queries against all rows; recall needs it."""
    with_pairwise: bool = True
    """Whether to measure distances between pairs of base rows."""
    with_rank: bool = True
    """Whether to measure the rank distortion."""
    query_bits: QueryBits = "float"
    """How queries are coded before they are scored against the codes; exact scores use the queries themselves."""
    rerank: str = "exact"
    """What a second stage scores the candidates with, and how many of them, as `SecondStage` reads it."""
    target_recall: float = 0.95
    """Share of the true top 10 that the re-ranking depth must reach on average."""

    @property
    def second_stage(self) -> SecondStage:
        """The second stage that `rerank` describes."""
        return SecondStage.parse(self.rerank)

    def __post_init__(self) -> None:
        for name, least in (("max_candidates", 1), ("num_pairs", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if not 0 < self.target_recall <= 1:
            raise InputError(f"target_recall is {self.target_recall}; it must be above 0 and at most 1.")


@dataclass
class Timings:
    """Wall time of each step of a pass, in seconds, without the warm-up."""

    rows: int = 0
    encode_seconds: float = 0.0
    decode_seconds: float = 0.0
    score_seconds: float = 0.0
    warm_up_seconds: float = 0.0
    encode_rates: list[float] = field(default_factory=list)
    """Vectors per second of each full tile, for the quartiles."""

    def copy(self) -> Self:
        """An independent copy of the times so far."""
        return replace(self, encode_rates=list(self.encode_rates))

    def merge(self, other: Self) -> None:
        """Add the times of other rows."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Add the wall time of the block to the field `step`."""
        began = time.perf_counter()
        yield
        setattr(self, step, getattr(self, step) + time.perf_counter() - began)


@dataclass(frozen=True)
class Queries:
    """What every row is scored against."""

    vectors: FloatArray
    """(q, d) float32."""
    distance: Distance
    for_pairs: int | None = None
    """Number of leading queries that score errors are measured on; None: all."""


Streamed = tuple[Accumulators, Timings]
"""What a streaming pass finds."""


def stream(
    quantizer: Quantizer,
    base: VectorSource,
    queries: Queries,
    settings: PassSettings,
    pass_: Pass[Streamed] = WHOLE_BASE,
    training: TrainingRows | None = None,
) -> Streamed:
    """Accumulate the errors and the best candidates of a fitted quantizer over the rows of a pass.

    Args:
        training: the rows that errors leave out; None: none.

    Raises:
        InputError: as `tiles`.
        ValueError: the quantizer returned codes or vectors of a wrong shape, or values that are not finite.
    """
    start, stop = pass_.rows(base.n)
    training = training or TrainingRows.of(base.n, None)
    accumulators, timings = Accumulators(spans=[(start, stop)]), Timings()
    if settings.with_scores:
        accumulators.top = TopCandidates.empty(
            len(queries.vectors), settings.max_candidates, with_second=settings.second_stage.source != "exact"
        )
    scorer = _Scorer(quantizer, queries, settings)
    for tile in tiles(base, queries.distance, pass_, lambda row: (accumulators.copy([(start, row)]), timings.copy())):
        tile.note(accumulators.content)
        if not len(tile.vectors):
            continue
        if not timings.rows:
            _warm_up(quantizer, tile.vectors[:WARM_UP_ROWS], timings)
        _accumulate(accumulators, timings, scorer, tile, training, settings)
    return accumulators, timings


class _Scorer:
    """How one quantizer estimates the scores of fixed queries."""

    def __init__(self, quantizer: Quantizer, queries: Queries, settings: PassSettings) -> None:
        self.quantizer = quantizer
        self.queries = queries.vectors
        self.distance = queries.distance
        self.pair_queries = len(queries.vectors) if queries.for_pairs is None else queries.for_pairs
        self.second_source = settings.second_stage.source
        self.projected = projected_queries(quantizer, queries.vectors, settings.query_bits)
        self.query_norms, self.projected_norms = squared_norms(self.queries), squared_norms(self.projected)
        self.own_estimator = type(quantizer).decode_for_scores is not Quantizer.decode_for_scores
        self.own_norms = type(quantizer).squared_norms is not Quantizer.squared_norms

    def exact(self, vectors: FloatArray, norms: DoubleArray | None = None) -> Scores:
        """The scores of vectors (r, d); norms (r,) are their squared norms, if they are known."""
        return scores_of(self.queries, vectors, self.distance, own_norms=norms, query_norms=self.query_norms)

    def second(self, vectors: FloatArray, decoded: FloatArray, norms: DoubleArray) -> Scores | None:
        """The scores of the second stage, None if they are the exact ones; norms (r,) are those of `decoded`."""
        if self.second_source == "exact":
            return None
        if self.second_source == "decoded":
            return self.exact(decoded, norms)
        return self.exact(second_stage_vectors(vectors, self.second_source))

    def estimated(self, codes: CodeArray, decoded: FloatArray, norms: DoubleArray) -> Scores:
        """The method's own scores of codes; norms (r,) are the squared norms of `decoded`."""
        vectors, own_norms = decoded, norms
        if self.own_estimator:
            vectors = np.ascontiguousarray(self.quantizer.decode_for_scores(codes), dtype=np.float32)
            own_norms = squared_norms(vectors)
        if self.distance == "l2" and self.own_norms:
            norms = self.quantizer.squared_norms(codes)
        scores = scores_of(
            self.projected, vectors, self.distance, norms, own_norms=own_norms, query_norms=self.projected_norms
        )
        # A squared norm in float64 is finite if and only if all float32 values are.
        if not all(np.isfinite(each).all() for each in (self.projected_norms, own_norms, scores.offsets)):
            raise ValueError(f"{self.quantizer.name} estimated a score that is not finite")
        return scores


def _warm_up(quantizer: Quantizer, vectors: FloatArray, timings: Timings) -> None:
    """Do the one-time work of the first encode and decode, such as compilation."""
    with timings.measure("warm_up_seconds"):
        codes = quantizer.encode(vectors)
        quantizer.decode(codes)
        quantizer.decode_for_scores(codes)


def _accumulate(
    accumulators: Accumulators,
    timings: Timings,
    scorer: _Scorer,
    tile: Tile,
    training: TrainingRows,
    settings: PassSettings,
) -> None:
    quantizer, vectors, rows = scorer.quantizer, tile.vectors, len(tile.vectors)
    encoded_before = timings.encode_seconds
    with timings.measure("encode_seconds"):
        codes = quantizer.encode(vectors)
    with timings.measure("decode_seconds"):
        decoded = np.ascontiguousarray(quantizer.decode(codes), dtype=np.float32)
    timings.rows += rows
    if rows == TILE_ROWS:
        timings.encode_rates.append(rows / (timings.encode_seconds - encoded_before))
    if codes.shape != (rows, quantizer.code_bytes) or codes.dtype != np.uint8 or decoded.shape != vectors.shape:
        raise ValueError(
            f"{quantizer.name} returned codes {codes.shape} of {codes.dtype} and vectors {decoded.shape}, "
            f"expected codes {(rows, quantizer.code_bytes)} of uint8 and vectors {vectors.shape}"
        )
    with timings.measure("score_seconds"):
        errors, decoded_norms = errors_and_norms(vectors, decoded)
        if not np.isfinite(decoded_norms).all():
            raise ValueError(f"{quantizer.name} decoded a vector that is not finite")
        counted = training.counted_among(tile.ids)
        measured = counted[_inside(tile, counted)]
        accumulators.add_joint_moments("vector", tile.squared_norms[measured], errors[measured])
        exact = scorer.exact(vectors, tile.squared_norms)
        estimated = scorer.estimated(codes, decoded, decoded_norms)
        pairs = _pairs_of_tile(tile, counted, training, scorer.pair_queries, settings)
        if scorer.pair_queries:
            _add_score_errors(accumulators, scorer, exact, estimated, pairs)
        if settings.with_pairwise:
            _add_pairwise(accumulators, vectors, decoded, pairs)
        if accumulators.top is not None:
            second = scorer.second(vectors, decoded, decoded_norms)
            accumulators.top.offer(tile.ids, tile.inside, estimated, exact, second)


@dataclass(frozen=True)
class Pairs:
    """Pairs (p,) of a query with a row of the tile, and of that row with another row of the tile."""

    queries: IdArray
    rows: IdArray
    others: IdArray


def _pairs_of_tile(
    tile: Tile, counted: IdArray, training: TrainingRows, queries: int, settings: PassSettings
) -> Pairs:
    """This tile's share of the pairs of rows that count, drawn by seed and tile, if `rows` are inside the pass."""
    rows, before, after = len(counted), training.counted_before(tile.first), training.counted_before(tile.stop)
    share = settings.num_pairs * before // training.counted
    count = settings.num_pairs * after // training.counted - share if rows else 0
    rng = np.random.default_rng([settings.seed, tile.first // TILE_ROWS])
    firsts = rng.integers(max(rows, 1), size=count)
    others = (firsts + rng.integers(1, max(rows, 2), size=count)) % max(rows, 1)
    pair_queries = rng.integers(max(queries, 1), size=count)  # last, so that pairs of rows don't depend on queries
    pair_rows = counted[firsts]
    inside = _inside(tile, pair_rows)
    return Pairs(pair_queries[inside], pair_rows[inside], counted[others[inside]])


def _inside(tile: Tile, rows: IdArray) -> Array:
    """(r,) bool: which rows of a tile belong to the pass."""
    return np.asarray((rows >= tile.inside.start) & (rows < tile.inside.stop))


def _add_score_errors(
    accumulators: Accumulators, scorer: _Scorer, exact: Scores, estimated: Scores, pairs: Pairs
) -> None:
    true = exact.of_pairs(pairs.queries, pairs.rows)
    estimate = estimated.of_pairs(pairs.queries, pairs.rows)
    if scorer.distance == "l2":
        query_norms = scorer.query_norms[pairs.queries]
        true, estimate = true - query_norms, estimate - query_norms
    error = estimate - true
    accumulators.add_joint_moments("score", true, estimate)
    accumulators.add_moments("score_error", error)
    accumulators.add_moments("score_squared_error", error * error)


def _add_pairwise(accumulators: Accumulators, vectors: FloatArray, decoded: FloatArray, pairs: Pairs) -> None:
    distance = squared_distances(vectors, vectors, pairs.rows, pairs.others)
    apart = distance > 0
    rows, others, distance = pairs.rows[apart], pairs.others[apart], distance[apart]
    for name, first in (("pairwise", decoded), ("pairwise_asymmetric", vectors)):
        ratio = squared_distances(first, decoded, rows, others) / distance
        accumulators.add_moments(name, np.abs(ratio - 1))
