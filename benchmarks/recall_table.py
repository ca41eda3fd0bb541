"""Recall@10 of every method on one data set, compared with reference figures where available.

    python benchmarks/recall_table.py --data FOLDER [--methods eden,rabitq] [--bits 1,2,4]

The reference figures are those of our specification for MiniLM embeddings of PyPI summaries (100,000 × 384, 1,000
queries); with another data set they are left out. A figure is met within 0.008; ≥ means at least the figure minus
0.008.
"""

import argparse
import time
from pathlib import Path

from vq_benchmark import evaluate, finished_metrics, get_quantizer, load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import exact_truths
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.quantizers.registry import quantizer_class, registered
from vq_benchmark.studies.choosing import chosen_parameters

TOLERANCE = 0.008
REFERENCE = {
    ("eden", 1): ("=", 0.662), ("eden", 2): ("=", 0.821), ("eden", 4): ("=", 0.945),
    ("rabitq", 2): ("≥", 0.815), ("rabitq", 4): ("≥", 0.939), ("lvq", 4): ("≥", 0.92),
    ("segmented-eden", 1): ("≥", 0.693), ("segmented-eden", 2): ("≥", 0.864), ("segmented-eden", 4): ("≥", 0.954),
    ("pq", 2): ("=", 0.807),
}  # fmt: skip
FIXED = {"eden": {"scale": "unbiased"}}
TRAIN_SIZE = 20_000
REFERENCE_ROWS, REFERENCE_DIM = 100_000, 384


def _fast_methods() -> list[str]:
    return [name for name, cls in registered().items() if not cls.slow and cls.unavailable() is None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="sample")
    parser.add_argument("--methods", default=",".join(_fast_methods()))
    parser.add_argument("--bits", default="1,2,4,8")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    dataset = load_dataset(arguments.data)
    ground_truths = exact_truths(dataset)
    train = dataset.training_sample(TRAIN_SIZE)
    has_reference = (dataset.n, dataset.d) == (REFERENCE_ROWS, REFERENCE_DIM) and Path(arguments.data).is_dir()
    print(f"{dataset.name}: {dataset.n:,} × {dataset.d}, {dataset.distance}, {len(dataset.queries):,} queries")
    print("\n| method | budget | bits/dim | model bits/dim | recall@10 | reference | rel. error | fit s | encode/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    missed = []
    for method in arguments.methods.split(","):
        for bits in map(float, arguments.bits.split(",")):
            try:
                parameters = chosen_parameters(quantizer_class(method), bits, dataset.d, "nominal")
                config = {**parameters.model_dump(mode="json"), **FIXED.get(method, {})}
                began = time.perf_counter()
                quantizer = get_quantizer(method, **config).fit(train)
            except InputError as error:
                print(f"| {method} | {bits:g} | not run: {error} |")
                continue
            fit_seconds = time.perf_counter() - began
            metrics = finished_metrics(evaluate(quantizer, dataset, ground_truths=ground_truths))
            sign, expected = REFERENCE.get((method, bits), ("", 0.0)) if has_reference else ("", 0.0)
            recall = metrics["recall_at_10"]
            short = expected - recall if sign == "≥" else abs(expected - recall) if sign else 0.0
            if short > TOLERANCE:
                missed.append(f"{method} at {bits:g} bits: {recall:.3f}, not {sign} {expected}")
            print(
                f"| {method} | {bits:g} | {metrics['bits_per_dim']:.3f} | {metrics['model_bits_per_dim']:.3f} "
                f"| {recall:.3f} ± {(metrics['recall_at_10_ci'][1] - metrics['recall_at_10_ci'][0]) / 2:.3f} "
                f"| {f'{sign} {expected}' if sign else ''} | {metrics['relative_error']:.4g} "
                f"| {fit_seconds:.1f} | {metrics['encode_vectors_per_second']:,.0f} |",
                flush=True,
            )
    if has_reference:
        print("\nall reference figures are met" if not missed else "\nmissed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
