"""What misleads when quantizers are compared, in numbers: the figures that docs/METRICS.md and docs/METHODS.md quote.

    python benchmarks/fair_comparison.py DATASET [--limit 50000] [--metric cosine] [--only equal-bits,seeds]

Each part prints one table: recall@10 with total bits at equal budgets, plans of segmented codes by training size, the
error of rows that a method was trained on, the spread between seeds, a paired difference beside single intervals, and
what vendors' defaults and raw integer products lose.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vq_benchmark import Dataset, Quantizer, evaluate, get_quantizer, load_dataset
from vq_benchmark.evaluation.evaluate import GroundTruths, exact_truths
from vq_benchmark.evaluation.metrics import Finished, finished
from vq_benchmark.evaluation.per_query import PerQuery
from vq_benchmark.evaluation.statistics.paired import difference_interval, paired_difference
from vq_benchmark.evaluation.streaming import PassSettings

TRAIN_SIZE = 20_000
SEEDS = range(5)
EQUAL_BITS: list[tuple[str, dict[str, Any]]] = [
    ("pq", {"m": 48, "nbits": 8}), ("opq", {"m": 48, "nbits": 8}), ("segmented-eden", {"bits": 1.0}),
    ("saq", {"bits": 1.0}), ("eden", {"bits": 1}), ("rabitq", {"bits": 1}), ("pq", {"m": 48, "nbits": 9}),
    ("opq", {"m": 48, "nbits": 9}), ("segmented-eden", {"bits": 1.125}), ("saq", {"bits": 1.125}),
    ("segmented-eden", {"bits": 2.0}), ("saq", {"bits": 2.0}), ("segmented-eden", {"bits": 4.0}),
    ("saq", {"bits": 4.0}),
]  # fmt: skip
CONTROLS: list[tuple[str, dict[str, Any]]] = [
    ("binary", {}), ("binary", {"queries": "float"}), ("int8", {}), ("int8-symmetric", {}),
    *((method, {"bits": bits}) for bits in (1, 2) for method in ("lvq", "minmax", "osq")),
]  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """A data set with its exact neighbours, and what was measured on it."""

    dataset: Dataset
    truths: GroundTruths

    def fitted(self, method: str, config: dict[str, Any], seed: int = 0, size: int = TRAIN_SIZE) -> Quantizer:
        """A quantizer, fitted to a sample of the base."""
        return get_quantizer(method, **config).fit(self.dataset.training_sample(size, seed), seed=seed)

    def measured(self, quantizer: Quantizer, seed: int = 0, size: int = TRAIN_SIZE) -> Finished:
        """Its metrics, and the values of each query."""
        settings = PassSettings(with_pairwise=False, with_rank=False)
        rows = self.dataset.training_rows(size, seed)
        return finished(
            evaluate(quantizer, self.dataset, ground_truths=self.truths, settings=settings, trained_on=rows)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", default="sample")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--metric", default="cosine")
    parser.add_argument("--only", default=",".join(PARTS))
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.dataset, limit=arguments.limit, metric=arguments.metric)
    bench = Bench(dataset, exact_truths(dataset))
    print(f"{dataset.n:,} × {dataset.d}, {dataset.distance}, {len(dataset.queries):,} queries")
    for part in arguments.only.split(","):
        print(f"\n{part}")
        for line in PARTS[part](bench):
            print(line, flush=True)


def equal_bits(bench: Bench) -> Iterator[str]:
    """Recall and error of configurations near one bit, in order of their bits, and what a second stage would find."""
    yield "| method | bits | with model | recall@10 | 10@50 | mse |\n| --- | --- | --- | --- | --- | --- |"
    for method, config in EQUAL_BITS:
        found = bench.measured(bench.fitted(method, config)).metrics
        yield (
            f"| {label(method, config)} | {found['bits_per_dim']:.3f} | {found['total_bits_per_dim']:.3f} "
            f"| {recall(found)} | {found['recall_10_at_50']:.3f} | {found['mse']:.4f} |"
        )


def training_size(bench: Bench) -> Iterator[str]:
    """More training vectors must not make the plan of a segmented code worse."""
    yield "| method | trained on | bits | recall@10 | mse |\n| --- | --- | --- | --- | --- |"
    for size in (2_000, 10_000, 20_000):
        found = bench.measured(bench.fitted("segmented-eden", {"bits": 1.0}, size=size), size=size).metrics
        bits = found["bits_per_dim"]
        yield f"| segmented-eden bits=1.0 | {size:,} | {bits:.3f} | {recall(found)} | {found['mse']:.4f} |"


def trained_rows(bench: Bench) -> Iterator[str]:
    """The error of rows that a method was trained on, and of the others."""
    rows = bench.dataset.training_rows(TRAIN_SIZE, 0)
    others = np.setdiff1d(np.arange(bench.dataset.n), rows)
    vectors = bench.dataset.base.read(0, bench.dataset.n)
    yield "| method | mse, trained on | mse, not trained on | ratio |\n| --- | --- | --- | --- |"
    if not len(others):
        yield "| all vectors of the base are trained on |"
        return
    for method, config in EQUAL_BITS[:2]:
        quantizer = bench.fitted(method, config)
        inside, outside = (error(quantizer, vectors[ids]) for ids in (rows, others))
        yield f"| {label(method, config)} | {inside:.4f} | {outside:.4f} | {outside / inside:.3f} |"


def seeds(bench: Bench) -> Iterator[str]:
    """The spread of recall between seeds, which the intervals of one seed leave out."""
    yield "| method | recall@10 of each seed | standard deviation |\n| --- | --- | --- |"
    for method, config in (EQUAL_BITS[0], EQUAL_BITS[4], EQUAL_BITS[5]):
        found = [bench.measured(bench.fitted(method, config, seed), seed).metrics["recall_at_10"] for seed in SEEDS]
        each = " ".join(f"{value:.4f}" for value in found)
        yield f"| {label(method, config)} | {each} | {np.std(found, ddof=1):.4f} |"


def paired(bench: Bench) -> Iterator[str]:
    """A difference that single intervals hide, because both share their queries."""
    pair = [bench.measured(bench.fitted(method, {"bits": 1})) for method in ("rabitq", "eden")]
    values = [PerQuery.from_bytes(each.per_query or b"").kept["recall_at_10"] for each in pair]
    differences = (values[0] - values[1])[None, :]
    low, high = difference_interval(differences, 1.0) or (np.nan, np.nan)
    yield f"rabitq {recall(pair[0].metrics)}, eden {recall(pair[1].metrics)}"
    yield f"rabitq − eden: {differences.mean():+.4f}, 95 % interval {low:+.4f} to {high:+.4f}, "
    yield f"p = {paired_difference(differences).p:.2g}"


def controls(bench: Bench) -> Iterator[str]:
    """What defaults of vendors lose."""
    yield "| method | bits | recall@10 | mse |\n| --- | --- | --- | --- |"
    for method, config in CONTROLS:
        found = bench.measured(bench.fitted(method, config)).metrics
        yield f"| {label(method, config)} | {found['bits_per_dim']:.3f} | {recall(found)} | {found['mse']:.4f} |"


PARTS: dict[str, Callable[[Bench], Iterator[str]]] = {
    "equal-bits": equal_bits, "training-size": training_size, "trained-rows": trained_rows, "seeds": seeds,
    "paired": paired, "controls": controls,
}  # fmt: skip


def label(method: str, config: dict[str, Any]) -> str:
    return " ".join([method, *(f"{name}={value}" for name, value in config.items())])


def recall(found: dict[str, Any]) -> str:
    low, high = found["recall_at_10_ci"]
    return f"{found['recall_at_10']:.3f} ± {(high - low) / 2:.3f}"


def error(quantizer: Quantizer, vectors: np.ndarray) -> float:
    """The mean squared error of vectors (n, d)."""
    differences = quantizer.decode(quantizer.encode(vectors)).astype(np.float64) - vectors
    return float((differences**2).sum(axis=1).mean())


if __name__ == "__main__":
    main()
