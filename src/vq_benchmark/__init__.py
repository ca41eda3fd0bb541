"""vq-benchmark: which vector quantizer, at which budget of bits, loses how much on your own vectors, and how fast.

What this module lists is for other people's programs to use; everything below it may change.
"""

from importlib import import_module

PUBLIC = {
    "Dataset": "datasets.dataset",
    "InfeasibleBudget": "errors",
    "InputError": "errors",
    "Parameters": "quantizers.base",
    "Quantizer": "quantizers.base",
    "Results": "api.results",
    "check_quantizer": "quantizers.conformance",
    "evaluate": "evaluation.evaluate",
    "finished_metrics": "evaluation.metrics",
    "get_quantizer": "quantizers.registry",
    "list_quantizers": "quantizers.registry",
    "load_dataset": "datasets.loading",
    "load_model": "results.models",
    "load_msmarco_dataset": "datasets.msmarco_loading",
    "load_results": "api.results",
    "quantizer_checks": "quantizers.conformance",
    "sweep": "api.sweep",
}
"""The modules that define the public names."""

TYPE_CHECKING = False
"""Type checkers take it for true. `typing` would be loaded before signals are handled."""
if TYPE_CHECKING:  # the same names once more, for they read no table; a test compares the two
    from vq_benchmark.api.results import Results as Results
    from vq_benchmark.api.results import load_results as load_results
    from vq_benchmark.api.sweep import sweep as sweep
    from vq_benchmark.datasets.dataset import Dataset as Dataset
    from vq_benchmark.datasets.loading import load_dataset as load_dataset
    from vq_benchmark.datasets.msmarco_loading import load_msmarco_dataset as load_msmarco_dataset
    from vq_benchmark.errors import InfeasibleBudget as InfeasibleBudget
    from vq_benchmark.errors import InputError as InputError
    from vq_benchmark.evaluation.evaluate import evaluate as evaluate
    from vq_benchmark.evaluation.metrics import finished_metrics as finished_metrics
    from vq_benchmark.quantizers.base import Parameters as Parameters
    from vq_benchmark.quantizers.base import Quantizer as Quantizer
    from vq_benchmark.quantizers.conformance import check_quantizer as check_quantizer
    from vq_benchmark.quantizers.conformance import quantizer_checks as quantizer_checks
    from vq_benchmark.quantizers.registry import get_quantizer as get_quantizer
    from vq_benchmark.quantizers.registry import list_quantizers as list_quantizers
    from vq_benchmark.results.models import load_model as load_model

    __version__: str

__all__ = ["__version__", *PUBLIC]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: the program handles signals and sets threads before that."""
    if name == "__version__":
        return import_module("importlib.metadata").version("vq-benchmark")
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module(f"{__name__}.machine.threads").let_threads_sleep()
    return getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
