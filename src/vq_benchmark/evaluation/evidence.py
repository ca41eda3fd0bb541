"""What the metrics of a measurement are computed from: the vocabulary of `metric_records`."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from vq_benchmark.arrays import DoubleArray, IdArray
from vq_benchmark.datasets.dataset import NOT_IN_BASE
from vq_benchmark.evaluation import ranking
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metric_needs import Need
from vq_benchmark.evaluation.second_stage import SecondStage
from vq_benchmark.evaluation.statistics.bootstrap import Interval, normal_interval
from vq_benchmark.evaluation.topk import NO_ID, TopCandidates

Estimate = tuple[float, Interval]
Answer = Literal["quantized", "exact"]
"""Whose neighbours are judged: those of the quantizer, or those of the uncompressed vectors."""
PerQuery = DoubleArray | None
"""(q,) float64 values; None if too few neighbours are known."""

LEAST_RATES = 4
"""Fewest tiles for quartiles of a rate."""


class Evidence:
    """The sums, neighbours, judgements and times of a measurement of the whole base."""

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self.key = measurement.key
        self.sums = measurement.accumulators
        self.timings = measurement.timings

    def has(self, need: Need) -> bool:
        """Whether metrics that need this can be computed."""
        top = self.sums.top is not None
        available = {
            "vectors": True,
            "pairs": self.key.num_pairs > 0,
            "ground truth": top and self.measurement.truth is not None,
            "judgements": top and len(self.measurement.qrels) > 0,
        }
        return available.get(need, False)

    @property
    def bits(self) -> float:
        """Bits of a code per dimension."""
        return 8 * self.key.code_bytes / self.key.d

    @property
    def model_bits(self) -> float:
        """Bits of the model per dimension of the base."""
        return 8 * self.key.model_bytes / (self.key.n * self.key.d)

    @property
    def trained_share(self) -> float | None:
        """Share of the base that the method was trained on; None if unknown."""
        return None if self.key.trained_rows is None else self.key.trained_rows / self.key.n

    @property
    def error_vectors(self) -> int:
        """Number of base vectors that errors average over."""
        return int(self.sums.total("vector:x:0"))

    @property
    def is_lossless(self) -> bool:
        """Whether no vector and no score changed, so that for any query the neighbours are the true ones."""
        errors = self.sums.total("vector:y:1"), self.sums.total("score_squared_error:1")
        return self.error_vectors > 0 and errors == (0, 0)

    def mean(self, name: str) -> Estimate | None:
        """Mean of the moments `name` of the accumulators."""
        count, total, squares = (self.sums.total(f"{name}:{degree}") for degree in range(3))
        if not count:
            return None
        mean = total / count
        return mean, normal_interval(mean, squares / count - mean * mean, count)

    def relative_error(self) -> Estimate | None:
        """Σe / Σs with the delta method's interval."""
        total = self.sums.total
        count, signal, error = total("vector:x:0"), total("vector:x:1"), total("vector:y:1")
        if signal == 0:
            return None
        ratio = error / signal
        # Residuals e - ratio·s have mean 0; their variance over the squared mean of s is the ratio's (delta method).
        squares = total("vector:y:2") - 2 * ratio * total("vector:xy")
        squares += ratio * ratio * total("vector:x:2")
        return ratio, normal_interval(ratio, squares / count / (signal / count) ** 2, count)

    def snr_db(self) -> Estimate | None:
        """The relative error in decibels, with its interval carried over."""
        error = self.relative_error()
        if error is None or self.sums.total("vector:y:1") <= 0:
            return None
        ratio, (low, high) = error
        tiny = np.finfo(float).tiny
        return -10 * math.log10(ratio), (-10 * math.log10(max(high, tiny)), -10 * math.log10(max(low, tiny)))

    def slope(self, name: str) -> Estimate | None:
        """Slope of the least-squares line of y over x of the joint moments `name`, with its usual interval."""
        total = self.sums.total
        count = total(f"{name}:x:0")
        if count < 3:
            return None
        mean_x, mean_y = total(f"{name}:x:1") / count, total(f"{name}:y:1") / count
        variance_x = total(f"{name}:x:2") / count - mean_x**2
        variance_y = total(f"{name}:y:2") / count - mean_y**2
        covariance = total(f"{name}:xy") / count - mean_x * mean_y
        if variance_x <= 0:
            return None
        slope = covariance / variance_x
        residual = variance_y - slope * covariance
        return slope, normal_interval(slope, residual / variance_x, count - 2)

    @property
    def k(self) -> int:
        """Depth of the ground truth."""
        return self.measurement.depth

    @property
    def top(self) -> TopCandidates:
        """The best candidates of every query that was scored."""
        assert self.sums.top is not None
        return self.sums.top

    @property
    def candidates(self) -> int:
        """How many of them are kept for a query."""
        return self.top.size

    @property
    def true(self) -> DoubleArray:
        """(q, k) exact scores of the true neighbours, best first."""
        assert self.measurement.truth is not None
        return self.measurement.truth.top.scores[:, : self.k]

    @property
    def found(self) -> DoubleArray:
        """(q, candidates) exact scores of the candidates in the estimated order."""
        return self.top.exact[: self.key.queries]

    def recall(self, k: int, r: int) -> DoubleArray:
        """(q,) share of the true top k among the first r candidates."""
        return ranking.recall(self.true, self.found, k, r)

    def reranked_recall(self, k: int, r: int) -> PerQuery:
        """(q,) share of the true top k among the best k of the first r candidates by the second stage's scores.

        None if that stage scores exactly: then it is `recall(k, r)`.
        """
        if self.top.second is None:
            return None
        return ranking.recall(self.true, ranking.reranked(self.found, self.top.second[: self.key.queries], r), k, k)

    @cached_property
    def second_stage(self) -> SecondStage:
        """What scores candidates again."""
        return SecondStage.parse(self.key.rerank)

    def answered_recall(self, k: int) -> DoubleArray:
        """(q,) share of the true top k in the answer of a second stage that says how many candidates it scores."""
        stage, found = self.second_stage, self.found
        if self.top.second is None:
            return ranking.recall(self.true, found, k, stage.last(k))
        found = ranking.reranked(found, self.top.second[: self.key.queries], stage.first(k))
        return ranking.recall(self.true, found, k, k if stage.sqrt is None else stage.last(k))

    def rerank_depth(self, k: int) -> int | None:
        """The fewest candidates that hold the target share of the true top k on average; None if all are too few."""
        return ranking.rerank_depth(self.true, self.found, k, self.key.target_recall)

    def rank_distortion(self) -> PerQuery:
        """(q,) distances between the true and the estimated order; None if switched off."""
        return ranking.rank_distortion(self.true, self.found) if self.key.with_rank else None

    def sum_of_scores(self, k: int) -> DoubleArray:
        """(q,) ratios of the sums of the found and of the best scores; nan if the best sum is 0."""
        return ranking.sum_of_scores(self._shown(self.true[:, :k]), self._shown(self.found[:, :k]))

    def _shown(self, scores: DoubleArray) -> DoubleArray:
        """Inner products, or −‖q − x‖² for L2, with distances within rounding error set to 0."""
        count = self.key.queries
        norms = self.measurement.query_norms[:count] if self.key.metric == "l2" else np.zeros(count)
        values = scores - norms[:, None]
        rounding = 2 * self.key.d * np.finfo(np.float64).eps * norms[:, None]
        return np.where(np.abs(values) <= rounding, 0.0, values)

    @cached_property
    def grades(self) -> dict[int, dict[int, int]]:
        """Relevance by judged query and base row, for judgements above 0; queries in ascending order.

        Of several judgements of one pair the highest counts. Vectors that are not in the base have rows of their own.
        """
        relevant: dict[int, dict[int, int]] = {}
        for query, row, grade in sorted(self.measurement.qrels.tolist()):
            if grade > 0:
                of_query = relevant.setdefault(query, {})
                of_query[NO_ID - 1 - len(of_query) if row == NOT_IN_BASE else row] = grade
        return relevant

    def reciprocal_rank(self, of: Answer, k: int) -> PerQuery:
        """Of each judged query with a relevant row; see `ranking.reciprocal_rank`."""
        return self._judged(ranking.reciprocal_rank, of, k)

    def ndcg(self, of: Answer, k: int) -> PerQuery:
        """Of each judged query with a relevant row; see `ranking.ndcg`."""
        return self._judged(ranking.ndcg, of, k)

    def judged_recall(self, of: Answer, k: int) -> PerQuery:
        """Of each judged query with a relevant row; see `ranking.judged_recall`."""
        return self._judged(ranking.judged_recall, of, k)

    def difference(self, first: PerQuery, second: PerQuery) -> PerQuery:
        """`first` − `second`. Bootstraps with the same seed draw the same queries, so its interval is paired."""
        return None if first is None or second is None else first - second

    def _judged(self, measure: ranking.JudgedMeasure, of: Answer, k: int) -> PerQuery:
        ids = self._neighbors(of)
        if ids is None:
            return None
        queries, own = list(self.grades), self.measurement.own_rows
        ids = ids[queries]
        known, wanted = np.full(len(queries), ids.shape[1]), np.full(len(queries), self.key.n)
        if own is not None:
            own = own[queries]
            known -= (ids == own[:, None]).any(axis=1) & (own != NOT_IN_BASE)
            wanted -= own != NOT_IN_BASE
            ids = ranking.left_out(ids, own)
        if (known < np.minimum(k, wanted)).any():
            return None
        return measure(ids, list(self.grades.values()), k)

    def _neighbors(self, of: Answer) -> IdArray | None:
        """(judged queries, depth) rows, best first."""
        if of == "quantized":
            return self.top.ids[self.key.judged_first :]
        truth = self.measurement.judged_truth if self.key.judged_first else self.measurement.truth
        return None if truth is None else truth.ids

    def rate(self, seconds: float) -> float | None:
        """Vectors per second if all rows together took this long; None if no time passed."""
        return self.timings.rows / seconds if seconds > 0 else None

    def quartiles(self, rates: Sequence[float]) -> list[float] | None:
        """The first and the third quartile."""
        return np.quantile(rates, [0.25, 0.75]).tolist() if len(rates) >= LEAST_RATES else None
