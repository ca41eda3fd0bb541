"""What a report needs to know of a metric: its plain name and unit, which way is better, and which scale shows it."""

import re
from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class MetricFacts:
    """How a metric is shown."""

    title: str
    unit: str = ""
    better: Better | None = None
    """None where neither is: of a bias or a slope, the best is a value in between."""
    log: bool = False
    """Shown on a logarithmic axis."""
    is_cost: bool = False
    """Time, memory or rate: depends on the machine, and the uncompressed control is no reference for it."""
    is_loss: bool = False
    """Of a quality, against the uncompressed vectors, which lose 0."""

    @property
    def label(self) -> str:
        """The title with the unit, for an axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def _quality(title: str, unit: str, better: Better | None, *, log: bool = False) -> MetricFacts:
    return MetricFacts(title, unit, better, log)


def _loss(title: str) -> MetricFacts:
    return MetricFacts(title, "exact − quantized", "lower", is_loss=True)


def _cost(title: str, unit: str, better: Better) -> MetricFacts:
    return MetricFacts(title, unit, better, log=True, is_cost=True)


FACTS = {
    r"recall_at_(\d+)": _quality(r"Recall@\1", r"share of the true top \1 found", "higher"),
    r"recall_(\d+)_at_(\d+)": _quality(r"Recall \1@\2", r"share of the true top \1 among \2 candidates", "higher"),
    r"sum_of_scores_at_(\d+)": _quality(r"Sum of scores@\1", "share of that of the true neighbours", None),
    r"mrr_at_(\d+)": _quality(r"MRR@\1", "mean reciprocal rank", "higher"),
    r"mrr_at_(\d+)_exact": _quality(r"MRR@\1 of the uncompressed vectors", "", "higher"),
    r"ndcg_at_(\d+)": _quality(r"nDCG@\1", "normalised discounted cumulative gain", "higher"),
    r"ndcg_at_(\d+)_exact": _quality(r"nDCG@\1 of the uncompressed vectors", "", "higher"),
    r"recall_at_(\d+)_qrels": _quality(
        r"Judged recall@\1", r"share of the relevant vectors among the top \1", "higher"
    ),
    r"recall_at_(\d+)_qrels_exact": _quality(r"Judged recall@\1 of the uncompressed vectors", "", "higher"),
    r"mrr_at_(\d+)_loss": _loss(r"Loss of MRR@\1"),
    r"ndcg_at_(\d+)_loss": _loss(r"Loss of nDCG@\1"),
    r"recall_at_(\d+)_qrels_loss": _loss(r"Loss of judged recall@\1"),
    "rank_distortion": _quality("Rank distortion", "Spearman footrule, 0 to 1", "lower"),
    "mse": _quality("Mean squared error", "‖x − x̂‖² per vector", "lower", log=True),
    "relative_error": _quality("Relative error", "Σ‖x − x̂‖² / Σ‖x‖²", "lower", log=True),
    "snr_db": _quality("Signal-to-noise ratio", "dB", "higher"),
    "score_mse": _quality("Mean squared error of scores", "squared score", "lower", log=True),
    "score_bias": _quality("Bias of scores", "score", None),
    "score_slope": _quality("Slope of estimated on exact scores", "1 is unbiased", None),
    "pairwise_distortion": _quality("Pairwise distortion", "mean |d̂²/d² − 1|", "lower", log=True),
    "pairwise_distortion_asymmetric": _quality(
        "Pairwise distortion, one side exact", "mean |d̂²/d² − 1|", "lower", log=True
    ),
    "bits_per_dim": _quality("Bits per dimension", "", "lower", log=True),
    "total_bits_per_dim": _quality("Bits per dimension with the model", "", "lower", log=True),
    "compression_ratio": _quality("Compression", "times smaller than float32", "higher", log=True),
    "total_compression_ratio": _quality(
        "Compression with the model", "times smaller than float32", "higher", log=True
    ),
    "encode_vectors_per_second": _cost("Encoding rate", "vectors/s", "higher"),
    "decode_vectors_per_second": _cost("Decoding rate", "vectors/s", "higher"),
    "queries_per_second": _cost("Search rate", "queries/s", "higher"),
    r"latency_p(\d+)_ms": _cost(r"Search latency, percentile \1", "ms", "lower"),
    r"search_recall_at_(\d+)": _quality(r"Recall@\1 of the search index", r"share of the true top \1", "higher"),
    "fit_seconds": _cost("Training time", "s", "lower"),
    "peak_memory_bytes": _cost("Peak memory", "bytes", "lower"),
}
"""By a pattern of the whole name; groups of the pattern may appear in title and unit."""


def metric_facts(name: str) -> MetricFacts:
    """The facts of a metric; of one that is not known, just its name."""
    for pattern, facts in FACTS.items():
        match = re.fullmatch(pattern, name)
        if match:
            title, unit = match.expand(facts.title), match.expand(facts.unit)
            return replace(facts, title=title, unit=unit)
    return MetricFacts(name)
