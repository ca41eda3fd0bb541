"""Where results, models and checkpoints are kept: an option, else an environment variable, else a default."""

import os
from collections.abc import Mapping
from pathlib import Path

from vq_benchmark.machine.locations import expanded


def database_path(option: str | None, environment: Mapping[str, str] = os.environ) -> Path:
    """`--db-path`, else $DB_PATH, else logs/benchmark_runs.db, with SLURM's names expanded."""
    return expanded(option or environment.get("DB_PATH") or "logs/benchmark_runs.db", environment)


def codebooks_dir(option: str | None, environment: Mapping[str, str] = os.environ) -> Path:
    """`--codebooks-dir`, else $CODEBOOKS_DIR, else ./codebooks."""
    return expanded(option or environment.get("CODEBOOKS_DIR") or "codebooks", environment)


def checkpoint_dir(option: str | None, environment: Mapping[str, str] = os.environ) -> Path:
    """`--checkpoint-dir`, else $CHECKPOINT_DIR, else ./checkpoints; not the cache, which may end with the job."""
    return expanded(option or environment.get("CHECKPOINT_DIR") or "checkpoints", environment)
