"""Every metric as one record: how it is computed, what it needs, and how reports show it.

To add a metric, add its record here and its row to docs/METRICS.md. Reports read the records without computing
anything, so this module imports nothing that takes time to load.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from vq_benchmark.evaluation.metric_needs import Need

if TYPE_CHECKING:
    from vq_benchmark.evaluation.evidence import Answer, Evidence, PerQuery

Better = Literal["higher", "lower"]
Bounds = tuple[float, float]
"""The lowest and the highest possible value."""

SHARE: Bounds = (0.0, 1.0)
RECALL_DEPTHS = (1, 10, 100)
"""Depths of the recall, besides that of the ground truth."""
RERANK_DEPTHS = {1: (10, 100), 10: (20, 50, 100, 200), 100: (200,)}
"""Candidates that are re-ranked, for each k."""
ENCODE_RATE = "encode_vectors_per_second"
RERANKED_K = 10
"""Neighbours that a second stage is to find."""


def _single(evidence: "Evidence") -> Iterable[dict[str, int]]:
    return [{}]


@dataclass(frozen=True)
class MetricRecord:
    """One metric, or a family of metrics that differ in their depths, such as `recall_at_{k}`."""

    name: str
    """In results; a depth stands in braces here, and in `title` and `unit`."""
    title: str
    unit: str = ""
    better: Better | None = None
    """None if neither is: a bias or a slope is best at a value in between."""
    scale: Literal["linear", "log"] = "linear"
    """Of an axis that shows it."""
    kind: Literal["quality", "loss", "cost"] = "quality"
    """A loss is a difference to the uncompressed vectors, which lose 0. A cost is a time, an amount of memory or a
    rate: it depends on the machine, and the uncompressed vectors are no reference for it."""
    needs: Need = "vectors"
    interval: Literal["normal", "bootstrap"] | None = None
    """How its 95 % confidence interval is made; None: it has none."""
    bounds: Bounds | None = None
    """Of the value of any query; None if it has no bounds."""
    keeps_queries: bool = True
    """Whether finished rows keep the values of each query behind a bootstrap interval. A loss is made of others."""
    section: str = ""
    """Of docs/METRICS.md, which holds its formula."""
    function: Callable[..., Any] | None = None
    """Takes an `Evidence` and the depths by name, and returns None if the metric is undefined, otherwise:

    - for a bootstrap interval (q,) float64 values of the queries, nan for queries to leave out;
    - for a normal interval the value and the interval;
    - without an interval the value, a number or a list of numbers.

    None: measured outside the pass (see `Need`).
    """
    members: Callable[["Evidence"], Iterable[dict[str, int]]] = _single
    """The depths of each member of the family that the evidence is deep enough for."""

    @property
    def label(self) -> str:
        """The title with the unit, for an axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def match(self, name: str) -> re.Match[str] | None:
        """Whether `name` is this metric or a member of this family; the groups of the match are its depths."""
        return re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", self.name), name)


def record_of(name: str) -> MetricRecord:
    """The record of a metric, with its depths filled in; of an unknown one just its name."""
    for record in RECORDS:
        if match := record.match(name):
            depths = match.groupdict()
            return replace(record, name=name, title=record.title.format(**depths), unit=record.unit.format(**depths))
    return MetricRecord(name, title=name)


def names_needing(need: Need) -> list[str]:
    """Names of the metrics that need something, in the order of docs/METRICS.md, with families as `recall_at_k`."""
    return [re.sub(r"[{}]", "", record.name) for record in RECORDS if record.needs == need]


def _recall_depths(evidence: "Evidence") -> list[dict[str, int]]:
    depths = {depth for depth in RECALL_DEPTHS if depth <= evidence.k} | {evidence.k}
    return [{"k": depth} for depth in sorted(depths) if depth <= evidence.candidates]


def _rerank_depths(evidence: "Evidence") -> list[dict[str, int]]:
    return [
        {"k": k, "r": r}
        for k in (depths["k"] for depths in _recall_depths(evidence))
        for r in RERANK_DEPTHS.get(k, ())
        if r <= evidence.candidates
    ]


def _second_stage_depths(evidence: "Evidence") -> list[dict[str, int]]:
    return [depths for depths in _rerank_depths(evidence) if depths["k"] == RERANKED_K]


def _answered_depths(evidence: "Evidence") -> list[dict[str, int]]:
    """The depths at which a second stage with a rule finds enough candidates among those that are kept."""
    stage = evidence.second_stage
    deep = [each for each in _recall_depths(evidence) if stage.first(each["k"]) <= evidence.candidates]
    return deep if stage.has_rule else []


def _only_deep(evidence: "Evidence") -> list[dict[str, int]]:
    """One metric if the ground truth is deep enough for re-ranking."""
    return [{}] if any(depths["k"] == RERANKED_K for depths in _recall_depths(evidence)) else []


@dataclass(frozen=True)
class Judged:
    """A measure of retrieval quality against judgements, from which three records are made."""

    name: str
    title: str
    loss_title: str
    unit: str
    depth: int
    """Neighbours that it looks at."""
    values: "Callable[[Evidence, Answer, int], PerQuery]"
    """Of an answer down to a depth."""

    def records(self) -> Iterator[MetricRecord]:
        """Of the quantized vectors, of the uncompressed ones (`_exact`), and of what is lost (`_loss`)."""
        values = self.values
        record = partial(
            MetricRecord, needs="judgements", interval="bootstrap", section="Judged queries",
            members=lambda _: [{"k": self.depth}],
        )  # fmt: skip
        yield record(
            self.name, self.title, self.unit, "higher", bounds=SHARE,
            function=lambda e, k: values(e, "quantized", k),
        )  # fmt: skip
        yield record(
            f"{self.name}_exact", f"{self.title} of the uncompressed vectors", "", "higher", bounds=SHARE,
            function=lambda e, k: values(e, "exact", k),
        )  # fmt: skip
        yield record(
            f"{self.name}_loss", self.loss_title, "exact − quantized", "lower", kind="loss", bounds=(-1.0, 1.0),
            function=lambda e, k: e.difference(values(e, "exact", k), values(e, "quantized", k)),
        )  # fmt: skip


JUDGED = (
    Judged(
        "mrr_at_{k}", "MRR@{k}", "Loss of MRR@{k}", "mean reciprocal rank", 10,
        lambda e, of, k: e.reciprocal_rank(of, k),
    ),
    Judged(
        "ndcg_at_{k}", "nDCG@{k}", "Loss of nDCG@{k}", "normalised discounted cumulative gain", 10,
        lambda e, of, k: e.ndcg(of, k),
    ),
    Judged(
        "recall_at_{k}_qrels", "Judged recall@{k}", "Loss of judged recall@{k}",
        "share of the relevant vectors among the top {k}", 100, lambda e, of, k: e.judged_recall(of, k),
    ),
)  # fmt: skip
JUDGED_DEPTHS = {judged.name.format(k=judged.depth): judged.depth for judged in JUDGED}
"""How many neighbours each judged metric looks at."""

_size = partial(MetricRecord, section="Size")
_vectors = partial(MetricRecord, section="Reconstruction", interval="normal")
_bound = partial(MetricRecord, section="The Gaussian bound", better="lower", needs="cell")
_scores = partial(MetricRecord, section="Score errors", interval="normal", needs="pairs")
_distances = partial(
    MetricRecord, section="Distances between base vectors", interval="normal", needs="pairs",
    unit="mean |d̂²/d² − 1|", better="lower", scale="log",
)  # fmt: skip
_ranking = partial(MetricRecord, section="Ranking", interval="bootstrap", needs="ground truth")
_reranking = partial(MetricRecord, section="Re-ranking", needs="ground truth", members=_only_deep)
_cost = partial(MetricRecord, section="Time and memory", kind="cost", scale="log")
_search = partial(MetricRecord, section="Search", needs="search index")

RECORDS: tuple[MetricRecord, ...] = (
    _size("code_bytes", "Code size", "bytes per vector", "lower", function=lambda e: e.key.code_bytes),
    _size("model_bytes", "Model size", "bytes", "lower", function=lambda e: e.key.model_bytes),
    _size("bits_per_dim", "Bits per dimension", "", "lower", "log", function=lambda e: e.bits),
    _size("model_bits_per_dim", "Bits per dimension of the model", "", "lower", function=lambda e: e.model_bits),
    _size(
        "total_bits_per_dim", "Bits per dimension with the model", "", "lower", "log",
        function=lambda e: e.bits + e.model_bits,
    ),
    _size(
        "compression_ratio", "Compression", "times smaller than float32", "higher", "log",
        function=lambda e: 32 / e.bits,
    ),
    _size(
        "total_compression_ratio", "Compression with the model", "times smaller than float32", "higher", "log",
        function=lambda e: 32 / (e.bits + e.model_bits),
    ),
    _size("queries", "Queries", function=lambda e: e.key.queries),
    _size("judged_queries", "Judged queries", needs="judgements", function=lambda e: len(e.grades)),
    _size("trained_share", "Share of the base in the training sample", function=lambda e: e.trained_share),
    _size("error_vectors", "Vectors that errors average over", function=lambda e: e.error_vectors),

    _vectors(
        "mse", "Mean squared error", "‖x − x̂‖² per vector", "lower", "log", function=lambda e: e.mean("vector:y")
    ),
    _vectors(
        "relative_error", "Relative error", "Σ‖x − x̂‖² / Σ‖x‖²", "lower", "log",
        function=lambda e: e.relative_error(),
    ),
    _vectors("snr_db", "Signal-to-noise ratio", "dB", "higher", function=lambda e: e.snr_db()),

    _bound("bound_mse", "Gaussian bound of the mean squared error", "‖x − x̂‖² per vector", scale="log"),
    _bound("above_bound_db", "Error above the Gaussian bound", "dB"),

    _scores(
        "score_mse", "Mean squared error of scores", "squared score", "lower", "log",
        function=lambda e: e.mean("score_squared_error"),
    ),
    _scores("score_bias", "Bias of scores", "score", function=lambda e: e.mean("score_error")),
    _scores(
        "score_slope", "Slope of estimated on exact scores", "1 is unbiased", function=lambda e: e.slope("score")
    ),
    _distances("pairwise_distortion", "Pairwise distortion", function=lambda e: e.mean("pairwise")),
    _distances(
        "pairwise_distortion_asymmetric", "Pairwise distortion, one side exact",
        function=lambda e: e.mean("pairwise_asymmetric"),
    ),

    _ranking(
        "recall_at_{k}", "Recall@{k}", "share of the true top {k} found", "higher", bounds=SHARE,
        members=_recall_depths, function=lambda e, k: e.recall(k, k),
    ),
    _ranking(
        "recall_{k}_at_{r}", "Recall {k}@{r}", "share of the true top {k} among {r} candidates", "higher",
        bounds=SHARE, members=_rerank_depths, function=lambda e, k, r: e.recall(k, r),
    ),
    _ranking(
        "rank_distortion", "Rank distortion", "Spearman footrule, 0 to 1", "lower", bounds=SHARE, keeps_queries=False,
        function=lambda e: e.rank_distortion(),
    ),
    _ranking(
        "sum_of_scores_at_{k}", "Sum of scores@{k}", "relative to the true neighbours", members=_recall_depths,
        keeps_queries=False, function=lambda e, k: e.sum_of_scores(k),
    ),
    _reranking(
        "recall_at_{k}_reranked", "Recall@{k} after re-ranking", "share of the true top {k} found", "higher",
        interval="bootstrap", bounds=SHARE, members=_answered_depths, function=lambda e, k: e.answered_recall(k),
    ),
    _reranking(
        "recall_{k}_at_{r}_reranked", "Recall@{k} of {r} re-ranked candidates", "share of the true top {k} found",
        "higher", interval="bootstrap", bounds=SHARE, members=_second_stage_depths,
        function=lambda e, k, r: e.reranked_recall(k, r),
    ),
    _reranking(
        "rerank_depth", "Re-ranking depth", "candidates for the target recall", "lower", "log",
        function=lambda e: e.rerank_depth(RERANKED_K),
    ),
    _reranking("rerank_target", "Target recall of the re-ranking depth", function=lambda e: e.key.target_recall),
    _reranking("rerank_limit", "Candidates kept per query", function=lambda e: e.candidates),
    *(record for judged in JUDGED for record in judged.records()),

    _cost("fit_seconds", "Training time", "s", "lower", needs="cell"),
    _cost("warm_up_seconds", "Warm-up time", "s", function=lambda e: e.timings.warm_up_seconds),
    _cost(
        ENCODE_RATE, "Encoding rate", "vectors/s", "higher",
        function=lambda e: e.rate(e.timings.encode_seconds),
    ),
    _cost(
        "encode_vectors_per_second_quartiles", "Quartiles of the encoding rate", "vectors/s",
        function=lambda e: e.quartiles(e.timings.encode_rates),
    ),
    _cost(
        "decode_vectors_per_second", "Decoding rate", "vectors/s", "higher",
        function=lambda e: e.rate(e.timings.decode_seconds),
    ),
    _cost("peak_memory_bytes", "Peak memory", "bytes", "lower", needs="cell"),
    _cost("data_block_bytes", "Memory of the block of vectors", "bytes", needs="cell"),

    _search("queries_per_second", "Search rate", "queries/s", "higher", "log", "cost"),
    _search("queries_per_second_quartiles", "Quartiles of the search rate", "queries/s", kind="cost"),
    _search("queries_per_second_spread", "Spread of the search rate", "share of the rate", "lower", kind="cost"),
    _search("latency_p{p}_ms", "Search latency, percentile {p}", "ms", "lower", "log", "cost"),
    _search("search_threads", "Threads of the search", kind="cost"),
    _search("search_batch", "Queries per batch of the search", kind="cost"),
    _search("search_k", "Neighbours per search", kind="cost"),
    _search(
        "search_recall_at_{k}", "Recall@{k} of the search index", "share of the true top {k}", "higher",
        interval="bootstrap", bounds=SHARE,
    ),
)  # fmt: skip
"""In the order of docs/METRICS.md."""
