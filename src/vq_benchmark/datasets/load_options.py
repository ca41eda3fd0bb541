"""The options that a data set may need while it is opened."""

from dataclasses import dataclass, field
from pathlib import Path

from vq_benchmark.machine.locations import cache_dir
from vq_benchmark.machine.progress import Reporter, SilentReporter


@dataclass(frozen=True)
class LoadOptions:
    """The options of `load_dataset` that apply before any rows are read."""

    num_queries: int
    num_samples: int | None = None
    dim: int | None = None
    limit: int | None = None
    """Only this many first rows of the base are needed."""
    column: str | None = None
    base_path: Path | None = None
    """The base vectors where the user says which; the other parts come with the data set."""
    revision: str | None = None
    """A commit, tag or branch of a repository; None: the one in the registry, or the latest at first use."""
    cache: Path = field(default_factory=lambda: cache_dir(None))
    """The folder for downloads."""
    report: Reporter = field(default_factory=SilentReporter)
