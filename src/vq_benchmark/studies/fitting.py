"""The fitted model of a cell, loaded if it was fitted before."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.file_states import from_json, to_json
from vq_benchmark.datasets.fingerprint import fingerprint_array
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.rate_distortion import Bound, bound_of
from vq_benchmark.evaluation.sample_summary import SAMPLE_KEY, SampleSummary, summary_of
from vq_benchmark.machine.locations import file_in
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.results.database import TRAIN_QUERIES_KEY
from vq_benchmark.results.models import load_model, save_model
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.contents import Contents
from vq_benchmark.studies.identity import model_id
from vq_benchmark.studies.spectra import training_spectrum


@dataclass(frozen=True)
class FittedModel:
    """A fitted quantizer and the facts of its training."""

    quantizer: Quantizer
    id: str
    hash: str
    training_digest: str
    """Hash of the training vectors."""
    fit_seconds: float
    reused: bool
    bound: Bound | None
    """The Gaussian bound for its codes; None if the training vectors have none, or an earlier release fitted it."""
    sample: SampleSummary | None
    """What the training vectors are like; None if an earlier release fitted it."""
    left_out: int = 0
    """How many rows of the training sample cannot be measured, so that it was not fitted to them."""


def fitted_model(dataset: Dataset, options: Options, cell: Cell, report: Reporter) -> FittedModel:
    """The cell's model: loaded if it was fitted before, else fitted to a sample of the whole data set and saved."""
    id_ = model_id(dataset, options.measure.train_size, cell)
    path = model_path(options.machine.codebooks_dir, cell.method, id_)
    if path.exists():
        try:
            quantizer, stored = load_model(path)
            digest, files = stored.get("training_digest", ""), from_json(stored.get("training_files"))
            if Contents(dataset, report).training_is(files, digest, options.measure.train_size, cell.seed):
                facts = stored["content_hash"], digest, stored["fit_seconds"]
                of_sample = {
                    "bound": Bound.from_json(stored.get("bound")),
                    "sample": SampleSummary.from_json(stored.get(SAMPLE_KEY)),
                    "left_out": stored.get("left_out", 0),
                }
                return FittedModel(quantizer, id_, *facts, reused=True, **of_sample)
            report.say(
                f"{cell.label}: the training vectors have changed since its model was fitted; fitting it again."
            )
        except InputError as error:
            report.say(f"{error} Fitting it again.")
    quantizer = get_quantizer(cell.method, **cell.config)
    train = dataset.training_sample(options.measure.train_size, cell.seed)
    training_digest = fingerprint_array(train)
    left_out = min(options.measure.train_size, dataset.training_source(options.measure.train_size).n) - len(train)
    without = f", without {left_out:,} that cannot be measured" if left_out else ""
    report.log(f"{cell.label}: fitting to {len(train):,} vectors{without}")
    began = time.perf_counter()
    with report.busy(f"fitting {cell.label}"):
        if dataset.train_queries is None:
            quantizer.fit(train, seed=cell.seed)
        else:  # these are no test queries
            quantizer.fit_for_queries(train, dataset.train_queries, seed=cell.seed)
    fit_seconds = time.perf_counter() - began
    dataset.require_unchanged()
    spectrum = training_spectrum(train, training_digest, options.machine.cache_dir, report)
    bound = None if spectrum is None else bound_of(len(train), spectrum, 8 * quantizer.code_bytes)
    sample = summary_of(train, spectrum)
    metadata = (
        {
            "fit_seconds": fit_seconds,
            "seed": cell.seed,
            "training_digest": training_digest,
            "training_files": to_json(dataset.files),
            "bound": None if bound is None else bound.as_json(),
            SAMPLE_KEY: sample.as_json(),
        }
        | ({"left_out": left_out} if left_out else {})
        | training_queries(dataset)
    )
    content_hash = save_model(quantizer, path, metadata=metadata)
    return FittedModel(
        quantizer, id_, content_hash, training_digest, fit_seconds,
        reused=False, bound=bound, sample=sample, left_out=left_out,
    )  # fmt: skip


def training_queries(dataset: Dataset) -> dict[str, Any]:
    """What models and rows say of the training queries; nothing if there are none."""
    queries = dataset.train_queries
    if queries is None:
        return {}
    return {TRAIN_QUERIES_KEY: {"vectors": len(queries), "digest": fingerprint_array(queries)}}


def model_path(codebooks_dir: Path, method: str, model_id: str) -> Path:
    """Where the model of that id is kept."""
    return file_in(codebooks_dir, f"{method}-{model_id}.npz")
