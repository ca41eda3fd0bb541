"""Which kernels each loaded BLAS chose for this processor, and whether the processor could do better.

Libraries carry a BLAS of their own. An old OpenBLAS does not know a newer processor and takes kernels without its
vector instructions, which makes float products several times slower.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

CPUINFO = Path("/proc/cpuinfo")
LEVELS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    ("Sandybridge", frozenset({"avx"}), frozenset({"Sandybridge", "Bulldozer", "Piledriver", "Steamroller"})),
    ("Haswell", frozenset({"avx2", "fma"}), frozenset({"Haswell", "Zen", "Excavator"})),
    (
        "SkylakeX",
        frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"}),
        frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"}),
    ),
)
"""Kernels of OpenBLAS by ascending width of vectors: the one to ask for, the processor flags that it needs, and all
kernels of that width. Other names of x86 are of SSE."""


def blas_kernels() -> list[dict[str, str]]:
    """The library, version and kernel of each BLAS in this process, as JSON values; empty strings where unknown."""
    return sorted(
        (
            {
                "library": Path(each["filepath"]).name,
                "version": each.get("version") or "",
                "kernel": each.get("architecture") or "",
            }
            for each in ThreadpoolController().select(user_api="blas").info()
        ),
        key=lambda each: each["library"],
    )


def slow_blas_note(kernels: Sequence[dict[str, Any]], cpuinfo: Path = CPUINFO) -> str | None:
    """A sentence on the OpenBLAS libraries whose kernel is below what the processor has; None if there are none.

    Args:
        kernels: as from `blas_kernels`.
        cpuinfo: Linux's description of the processor; without it, or on other processors than x86, nothing is said.
    """
    best = _level_of_processor(cpuinfo)
    known = [each for each in kernels if each["kernel"] and "openblas" in each["library"]]
    slow = [each for each in known if _level_of_kernel(each["kernel"]) < best]
    if not slow:
        return None
    named = ", ".join(f"{each['library']} ({each['version']}) uses {each['kernel']}" for each in slow)
    return (
        f"{named}, but this processor can use {LEVELS[best][0]}, which is faster; set "
        f"OPENBLAS_CORETYPE={LEVELS[best][0]} before you start vq-benchmark."
    )


def _level_of_kernel(name: str) -> int:
    """The place in LEVELS; −1 for kernels of SSE."""
    return next((level for level, (_, _, names) in enumerate(LEVELS) if name in names), -1)


def _level_of_processor(cpuinfo: Path) -> int:
    if not cpuinfo.exists():
        return -1
    lines = cpuinfo.read_text().splitlines()
    flags = set(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), []))
    return max((level for level, (_, needed, _) in enumerate(LEVELS) if needed <= flags), default=-1)
