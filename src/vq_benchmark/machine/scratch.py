"""Fast scratch space on this node for a job while it runs."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

VARIABLES = ("SLURM_TMPDIR", "TMPDIR")
LARGEST_SHARE = 0.95
"""Largest share of the free space to use; the rest is left for other users of the node."""


def scratch_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder named by $SLURM_TMPDIR, else by $TMPDIR; None if neither is a writable folder."""
    named = (Path(environment[variable]) for variable in VARIABLES if environment.get(variable))
    return next((folder for folder in named if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)), None)


def usable_bytes(folder: Path) -> int:
    """The bytes that may be written to a folder: 95 % of the free space on its disk."""
    return int(shutil.disk_usage(folder).free * LARGEST_SHARE)
