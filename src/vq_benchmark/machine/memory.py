"""How much memory this process has used."""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""What Linux takes to set the peak of the resident set back to its present size (proc(5), since Linux 4.0)."""


def reset_peak() -> bool:
    """Start measuring the peak from now; False where the system cannot, so that the peak is the process's."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """The largest resident set since the start of the process or the last `reset_peak`."""
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
