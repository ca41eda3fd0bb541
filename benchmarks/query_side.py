"""Recall with coded queries, and how many candidates a second stage needs: the numbers of docs/METRICS.md.

    python benchmarks/query_side.py FOLDER [--limit 50000] [--method rabitq] [--param bits=1] [--metric cosine]

FOLDER is a data set. Each row of the first table codes the queries in another way. The second table has the smallest
number of candidates that hold a share of the true top 10 on average, and the recall after re-ranking with each code.
"""

import argparse
import copy

from vq_benchmark import evaluate, finished_metrics, get_quantizer, load_dataset
from vq_benchmark.evaluation.evaluate import exact_truths
from vq_benchmark.evaluation.query_coding import QUERY_BITS
from vq_benchmark.evaluation.ranking import rerank_depth
from vq_benchmark.evaluation.streaming import PassSettings

TARGETS = (0.9, 0.95, 0.99, 0.999)
DEPTHS = (20, 50, 100, 200)
MOST_CANDIDATES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--limit", type=int, default=50_000)
    parser.add_argument("--method", default="rabitq")
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--metric", default="cosine")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.dataset, limit=arguments.limit, metric=arguments.metric)
    parameters = dict(text.split("=") for text in arguments.param or ["bits=1"])
    quantizer = get_quantizer(arguments.method, **parameters).fit(dataset.training_sample(20_000, 0), seed=0)
    truths = exact_truths(dataset)
    print(f"{arguments.method} {parameters}, {dataset.n} × {dataset.d}, {len(dataset.queries)} queries\n")

    print("| queries | recall@10 | half-width | slope of scores |\n| --- | --- | --- | --- |")
    for bits in QUERY_BITS:
        settings = PassSettings(query_bits=bits, with_pairwise=False)
        found = finished_metrics(evaluate(quantizer, dataset, ground_truths=copy.deepcopy(truths), settings=settings))
        low, high = found["recall_at_10_ci"]
        half = (high - low) / 2
        print(f"| {bits} | {found['recall_at_10']:.3f} | {half:.3f} | {found['score_slope']:.3f} |", flush=True)

    print(f"\n| second stage | {' | '.join(f'10@{r}' for r in DEPTHS)} |\n|{' --- |' * (len(DEPTHS) + 1)}")
    for rerank in ("exact", "float16", "int8"):
        settings = PassSettings(max_candidates=MOST_CANDIDATES, rerank=rerank, with_pairwise=False)
        measurement = evaluate(quantizer, dataset, ground_truths=copy.deepcopy(truths), settings=settings)
        found = finished_metrics(measurement)
        ending = "" if rerank == "exact" else "_reranked"
        recalls = [found[f"recall_10_at_{r}{ending}"] for r in DEPTHS]
        print(f"| {rerank} | {' | '.join(f'{recall:.4f}' for recall in recalls)} |", flush=True)

    print("\n| share of the true top 10 | candidates |\n| --- | --- |")
    true, exact = measurement.truth.top.scores, measurement.accumulators.top.exact[: len(dataset.queries)]
    for target in TARGETS:
        print(f"| {target} | {rerank_depth(true, exact, 10, target) or f'more than {MOST_CANDIDATES}'} |")


if __name__ == "__main__":
    main()
