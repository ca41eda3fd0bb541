"""What was asked for, as far as the opener of a data set with a name may want to know it."""

from dataclasses import dataclass, field
from pathlib import Path

from vq_benchmark.machine.locations import cache_dir
from vq_benchmark.machine.progress import Reporter, SilentReporter


@dataclass(frozen=True)
class LoadOptions:
    """The options of `load_dataset` that matter before the rows are read."""

    num_queries: int
    num_samples: int | None = None
    dim: int | None = None
    limit: int | None = None
    """No more rows of the base are needed than these first ones."""
    column: str | None = None
    revision: str | None = None
    """A commit, tag or branch of a repository; None: the one of the manifest, or the latest when first used."""
    cache: Path = field(default_factory=lambda: cache_dir(None))
    """Where downloads are kept."""
    report: Reporter = field(default_factory=SilentReporter)
