"""Compiled loops over rows. Each row is computed alone: its result does not depend on other rows or threads."""

import sys
from importlib.util import find_spec


def _load_numba_without_scipy() -> None:
    """Load numba's array functions, which every kernel needs, without scipy.linalg, which none of ours does.

    numba imports that library only to see whether it is there. Loading it takes a third of the time until the first
    kernel runs.
    """
    library = "scipy.linalg"
    if library in sys.modules or find_spec("scipy") is None:
        return
    import numba  # noqa: F401 - first, because its parts cannot be loaded without it

    sys.modules[library] = None  # type: ignore[assignment] # an import of it fails, as if it were not installed
    try:
        from numba.np import arraymath
    finally:
        del sys.modules[library]
    arraymath._HAVE_BLAS = True  # other people's kernels look for it when they need it


_load_numba_without_scipy()
