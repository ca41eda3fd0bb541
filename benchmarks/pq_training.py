"""Training of product codes, by us and by faiss in turn on the same rows: time, and error on held-out rows.

    python benchmarks/pq_training.py [PATH] [--rows 20000] [--m 48,96,192] [--opq 96] [--threads 1]

PATH is a .npy file, or a folder with base.npy; without it, the packaged sample is used. faiss's OPQ takes minutes, so
it runs only for the values of --opq. Times are CPU seconds of the process.
"""

import argparse
import time
from collections.abc import Callable

import faiss
import numpy as np

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.quantizers.registry import get_quantizer

Decode = Callable[[np.ndarray], np.ndarray]


def ours(name: str, m: int, train: np.ndarray) -> Decode:
    quantizer = get_quantizer(name, m=m, nbits=8).fit(train)
    return lambda rows: quantizer.decode(quantizer.encode(rows))


def faiss_pq(m: int, train: np.ndarray) -> Decode:
    quantizer = faiss.ProductQuantizer(train.shape[1], m, 8)
    quantizer.train(train)
    return lambda rows: quantizer.decode(quantizer.compute_codes(rows))


def faiss_opq(m: int, train: np.ndarray) -> Decode:
    transform = faiss.OPQMatrix(train.shape[1], m)
    transform.train(train)
    decode = faiss_pq(m, transform.apply(train))
    return lambda rows: transform.reverse_transform(decode(transform.apply(rows)))


def measure(fit: Callable[[], Decode], train: np.ndarray, held_out: np.ndarray) -> tuple[float, float, float]:
    """CPU seconds of the fit, and the mean squared error on the training rows and on the held-out ones."""
    start = time.process_time()
    decode = fit()
    seconds = time.process_time() - start
    errors = (
        float(np.square(rows - decode(rows), dtype=np.float64).sum(axis=1).mean()) for rows in (train, held_out)
    )
    return seconds, *errors


def compare(name: str, m: int, train: np.ndarray, held_out: np.ndarray) -> None:
    reference = faiss_pq if name == "pq" else faiss_opq
    our_seconds, our_train, our_test = measure(lambda: ours(name, m, train), train, held_out)
    seconds, train_error, test_error = measure(lambda: reference(m, train), train, held_out)
    print(
        f"{name:4} m={m:<4} ours {our_seconds:7.2f} s  faiss {seconds:7.2f} s  faster {seconds / our_seconds:5.1f}x  "
        f"mse ours/faiss: training rows {our_train / train_error:.4f}, held-out rows {our_test / test_error:.4f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="sample")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--m", default="48,96,192")
    parser.add_argument("--opq", default="")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    base = load_dataset(arguments.path).base
    train_rows = min(arguments.rows, base.n * 2 // 3)
    order = np.random.default_rng(0).permutation(base.n)[: train_rows + 5_000]
    train, held_out = take(base, order[:train_rows]), take(base, order[train_rows:])
    print(f"{arguments.path}: {len(train)} training rows of dimension {base.d}, {arguments.threads} thread(s)")
    for name in ("pq", "opq"):
        ours(name, 1, train[:256])  # compiles the kernels
        for m in filter(None, (arguments.m if name == "pq" else arguments.opq).split(",")):
            compare(name, int(m), train, held_out)


if __name__ == "__main__":
    main()
