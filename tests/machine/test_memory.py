"""The peak of memory, on a real allocation in a process of its own."""

import json
import subprocess
import sys

SCRIPT = """
import json
import numpy as np
from vq_benchmark.machine.memory import peak_bytes, reset_peak
before = peak_bytes()
block = np.ones(120_000_000, dtype=np.uint8)
with_block = peak_bytes()
del block
kept = peak_bytes()
was_reset = reset_peak()
print(json.dumps([before, with_block, kept, was_reset, peak_bytes()]))
"""


def test_the_peak_grows_with_an_allocation_and_can_be_reset() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, with_block, kept, was_reset, after = json.loads(result.stdout)
    assert 5_000_000 < before < 1_000_000_000
    assert 110_000_000 < with_block - before < 130_000_000
    assert kept >= with_block - 1_000_000  # the kernel counts in batches of pages
    if was_reset:
        assert after < with_block - 100_000_000
    else:
        assert after >= kept - 1_000_000
