"""Made-up results that look like real ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from vq_benchmark.evaluation.metric_set import ENVIRONMENT_KEY, VERSION
from vq_benchmark.evaluation.per_query import PerQuery
from vq_benchmark.results.database import Run

STRENGTHS = {"pq": 0.85, "opq": 1.0, "sq": 0.55, "rabitq": 1.15, "none": 1.0}
ENCODE_RATES = {"pq": 60e3, "opq": 45e3, "sq": 900e3, "rabitq": 150e3, "none": 5e6}


def make_run(
    method: str, bits: float, *, seed: int = 0, strength: float = 1.0, rate: float = 1e5, **changes: Any
) -> Run:
    """A finished row of a method that spends `bits` per dimension: error 2^(-2·strength·bits), recall accordingly."""
    config: dict[str, Any] = changes.pop("config", None) or {"bits": bits}
    extra: dict[str, Any] = changes.pop("extra", {})
    engine: str = changes.pop("engine", "")
    identity = json.dumps([method, config, seed, changes, *([engine] if engine else [])], sort_keys=True, default=str)
    rng = np.random.default_rng(int.from_bytes(sha256(identity.encode()).digest()[:4]))
    error = 0.0 if method == "none" else 2 ** (-1.8 * strength * bits) * rng.normal(1, 0.01)
    metrics: dict[str, Any] = {
        "code_bytes": bits * 384 / 8,
        "model_bytes": 0,
        "bits_per_dim": bits,
        "total_bits_per_dim": bits,
        "compression_ratio": 32 / bits,
        "mse": error,
        "mse_ci": [error * 0.99, error * 1.01],
        "relative_error": error,
        "relative_error_ci": [error * 0.99, error * 1.01],
        "pairwise_distortion": 0.5 * error**0.5,
        "rank_distortion": 0.6 * error**0.7,
        "encode_vectors_per_second": rate / bits**0.7 * rng.normal(1, 0.02),
        "encode_vectors_per_second_quartiles": [rate * 0.9, rate * 1.1],
        "queries": 1000,
    }
    for k, hardness in ((1, 0.6), (10, 0.55), (100, 0.5)):
        recall = 1 / (1 + 2.5 * hardness * error**0.5 * 2) if error else 1.0
        half = 1.96 * 0.35 * (recall * (1 - recall)) ** 0.5 / 1000**0.5
        metrics |= {f"recall_at_{k}": recall, f"recall_at_{k}_ci": [recall - half, min(1.0, recall + half)]}
    run = Run(
        run_id=sha256(identity.encode()).hexdigest(),
        whole_run_id="whole",
        sweep_id="sweep-1",
        status="done",
        dataset="pypi-minilm-384",
        dataset_fingerprint="f" * 16,
        n=100_000,
        d=384,
        metric="cosine",
        method=method,
        config=config,
        seed=seed,
        chunk_start=0,
        chunk_stop=100_000,
        metrics=metrics | extra,
        environment={
            "package_version": "0.1.0",
            "threads": 2,
            "cpu": "AMD EPYC 7763 64-Core Processor",
            ENVIRONMENT_KEY: VERSION,
            **({"engine": engine} if engine else {}),
        },
        created_at="2025-01-01T00:00:00+00:00",
    )
    return replace(run, **changes)


def make_sweep(seeds: int = 1, **changes: Any) -> list[Run]:
    """The rows of a sweep over four families and the control at 1, 2, 4 and 8 bits."""
    runs = [make_run("none", 32.0, config={"bits": "float32"}, rate=ENCODE_RATES["none"], **changes)]
    for seed in range(seeds):
        for bits in (1.0, 2.0, 4.0, 8.0):
            configs = {
                "pq": {"m": round(48 * bits), "nbits": 8},
                "opq": {"m": round(48 * bits), "nbits": 8},
                "sq": {"bits": round(bits)},
                "rabitq": {"bits": round(bits)},
            }
            for method, config in configs.items():
                if method == "sq" and bits < 4:
                    continue
                cost = bits + 64 / 384 if method == "rabitq" else bits
                shown = {"strength": STRENGTHS[method], "rate": ENCODE_RATES[method]}
                runs.append(make_run(method, cost, seed=seed, config=config, **shown, **changes))
    return runs


def with_queries(run: Run, queries: int = 200, digest: str = "q", metric: str = "recall_at_10") -> Run:
    """The same row with values of each query, whose mean is about that of the row."""
    easy = np.random.default_rng(0).random(queries)  # the same queries are easy for every method
    own = np.random.default_rng(int(run.run_id[:8], 16)).random(queries)
    values = np.rint(10 * np.clip(run.metrics["recall_at_10"] + (easy - 0.5) / 4 + (own - 0.5) / 8, 0, 1)) / 10
    return replace(run, per_query=PerQuery(digest, 100, {metric: values}).to_bytes())


@pytest.fixture(name="with_queries")
def with_queries_fixture() -> Callable[..., Run]:
    return with_queries


@pytest.fixture(name="make_run")
def make_run_fixture() -> Callable[..., Run]:
    return make_run


@pytest.fixture(name="make_sweep")
def make_sweep_fixture() -> Callable[..., list[Run]]:
    return make_sweep
