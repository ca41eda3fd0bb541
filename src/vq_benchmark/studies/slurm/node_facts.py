"""What a job says of its node, for `slurm doctor`: python -m vq_benchmark.studies.slurm.node_facts FILE"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from vq_benchmark.machine.filesystems import filesystem_of


def main() -> None:
    """Write the facts to the file, which appears whole."""
    began = time.time()
    temporary = Path(tempfile.gettempdir())
    facts = {
        "time": began,
        "host": platform.node(),
        "python": platform.python_version(),
        "TMPDIR": os.environ.get("TMPDIR"),
        "temporary": str(temporary),
        "filesystem": filesystem_of(temporary),
    }
    file = Path(sys.argv[1])
    unfinished = file.with_suffix(".tmp")
    unfinished.write_text(json.dumps(facts))
    unfinished.replace(file)


if __name__ == "__main__":
    main()
