"""vq-benchmark: which vector quantizer, at which budget of bits, loses how much on your own vectors, and how fast."""

from importlib import import_module

TYPE_CHECKING = False
"""Checkers of types take it for true; `typing` would be loaded before a signal is handled."""

if TYPE_CHECKING:
    from vq_benchmark.datasets.loading import load_dataset
    from vq_benchmark.datasets.msmarco_loading import load_msmarco_dataset
    from vq_benchmark.evaluation.evaluate import evaluate
    from vq_benchmark.evaluation.metrics import finished_metrics
    from vq_benchmark.quantizers.registry import get_quantizer, list_quantizers
    from vq_benchmark.results.models import load_model

    __version__: str
__all__ = [
    "__version__",
    "evaluate",
    "finished_metrics",
    "get_quantizer",
    "list_quantizers",
    "load_dataset",
    "load_model",
    "load_msmarco_dataset",
]

_MODULES = {
    "evaluate": "evaluation.evaluate",
    "finished_metrics": "evaluation.metrics",
    "get_quantizer": "quantizers.registry",
    "list_quantizers": "quantizers.registry",
    "load_dataset": "datasets.loading",
    "load_model": "results.models",
    "load_msmarco_dataset": "datasets.msmarco_loading",
}


def __getattr__(name: str) -> object:
    """What is public, imported when first asked for: the program handles signals and sets threads before that."""
    if name == "__version__":
        return import_module("importlib.metadata").version("vq-benchmark")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
