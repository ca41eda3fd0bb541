"""What training queries give where queries are not distributed like the base: a table that docs/METHODS.md quotes.

    python benchmarks/train_queries.py                                            # generated vectors
    python benchmarks/train_queries.py DATASET [--queries-path FILE] [--train-queries 1000] [--metric cosine]

Each line compares `trellis` with and without training queries on the same test queries: recall@10, the paired
difference with its 95 % interval, and the mean squared error of scores. The generated vectors have a modality gap, as
texts that search images do: base and queries are unit vectors around different means, and each has a power-law
spectrum on the same axes, in an order of its own.
"""

import argparse

import numpy as np

from vq_benchmark import Dataset, Quantizer, evaluate, get_quantizer, load_dataset
from vq_benchmark.evaluation.evaluate import GroundTruths, exact_truths
from vq_benchmark.evaluation.metrics import Finished, finished
from vq_benchmark.evaluation.per_query import PerQuery
from vq_benchmark.evaluation.statistics.paired import difference_interval
from vq_benchmark.evaluation.streaming import PassSettings

TRAIN_SIZE = 20_000
BITS = (1, 2)
N, D, QUERIES = 50_000, 128, 1_000
GAP, DECAY = 0.6, 0.8
"""Length of the two means, whose directions are orthogonal; exponent of the spectra, whose sum is 1."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("--queries-path")
    parser.add_argument("--train-queries", default="1000")
    parser.add_argument("--metric", default="cosine")
    arguments = parser.parse_args()
    dataset = generated() if arguments.dataset is None else load_dataset(
        arguments.dataset, queries_path=arguments.queries_path, train_queries=arguments.train_queries,
        metric=arguments.metric,
    )  # fmt: skip
    assert dataset.train_queries is not None
    counts = f"{len(dataset.queries):,} test and {len(dataset.train_queries):,} training queries"
    print(f"{dataset.name}: {dataset.n:,} × {dataset.d}, {counts}")
    print("| bits | without | with | difference | score mse without | with |\n| --- | --- | --- | --- | --- | --- |")
    truths = exact_truths(dataset)
    for bits in BITS:
        print(compared(dataset, truths, bits), flush=True)


def generated() -> Dataset:
    """Unit vectors with a modality gap, and queries for training and testing."""
    rng = np.random.default_rng(7)
    axes = np.linalg.qr(rng.standard_normal((D, D)))[0]
    means = GAP * np.linalg.qr(rng.standard_normal((D, 2)))[0].T
    spectrum = np.arange(1, D + 1) ** -DECAY
    spectra = (spectrum, rng.permutation(spectrum))
    base, queries = (
        (rng.standard_normal((n, D)) * np.sqrt(each / each.sum()) + mean) @ axes
        for n, each, mean in zip((N, 3 * QUERIES), spectra, means, strict=True)
    )
    return load_dataset(
        base.astype(np.float32), queries=queries[:QUERIES].astype(np.float32),
        train_queries=queries[QUERIES:].astype(np.float32), metric="cosine", name="modality gap",
    )  # fmt: skip


def compared(dataset: Dataset, truths: GroundTruths, bits: float) -> str:
    """One line of the table."""
    train = dataset.training_sample(TRAIN_SIZE, 0)
    assert dataset.train_queries is not None
    without = measured(dataset, truths, get_quantizer("trellis", bits=bits).fit(train))
    with_queries = get_quantizer("trellis", bits=bits).fit_for_queries(train, dataset.train_queries)
    found = measured(dataset, truths, with_queries)
    before, after = (PerQuery.from_bytes(each.per_query or b"").kept["recall_at_10"] for each in (without, found))
    low, high = difference_interval((after - before)[None, :], 1.0) or (np.nan, np.nan)
    recalls = [f"{each.metrics['recall_at_10']:.3f}" for each in (without, found)]
    errors = [f"{each.metrics['score_mse']:.3g}" for each in (without, found)]
    difference = f"{np.mean(after - before):+.3f} ({low:+.3f} to {high:+.3f})"
    return f"| {bits} | {' | '.join([*recalls, difference, *errors])} |"


def measured(dataset: Dataset, truths: GroundTruths, quantizer: Quantizer) -> Finished:
    """Its metrics, and the values of each query."""
    settings = PassSettings(with_pairwise=False, with_rank=False)
    rows = dataset.training_rows(TRAIN_SIZE, 0)
    return finished(evaluate(quantizer, dataset, ground_truths=truths, settings=settings, trained_on=rows))


if __name__ == "__main__":
    main()
