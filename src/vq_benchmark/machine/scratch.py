"""Fast space on this node that a job may use while it runs."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

VARIABLES = ("SLURM_TMPDIR", "TMPDIR")
LARGEST_SHARE = 0.95
"""Of the free space that may be taken: the rest is left to others on the node."""


def scratch_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that $SLURM_TMPDIR names, else $TMPDIR; None where neither is a folder that can be written to."""
    named = (Path(environment[variable]) for variable in VARIABLES if environment.get(variable))
    return next((folder for folder in named if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)), None)


def usable_bytes(folder: Path) -> int:
    """How much may be put into a folder: 95 % of what is free on its disk."""
    return int(shutil.disk_usage(folder).free * LARGEST_SHARE)
