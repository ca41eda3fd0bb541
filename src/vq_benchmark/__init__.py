"""vq-benchmark: which vector quantizer, at which budget of bits, loses how much on your own vectors, and how fast."""

from importlib.metadata import version

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.msmarco_loading import load_msmarco_dataset
from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.quantizers.registry import get_quantizer, list_quantizers
from vq_benchmark.results.models import load_model

__version__ = version("vq-benchmark")
__all__ = [
    "evaluate",
    "finished_metrics",
    "get_quantizer",
    "list_quantizers",
    "load_dataset",
    "load_model",
    "load_msmarco_dataset",
]
