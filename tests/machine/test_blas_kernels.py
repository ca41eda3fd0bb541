"""Which kernels of BLAS are in use, and the sentence on those that are below the processor."""

import numpy as np
import pytest

from vq_benchmark.machine.blas_kernels import blas_kernels, slow_blas_note

WIDE = "flags\t\t: fpu sse2 avx avx2 fma avx512f avx512bw avx512dq avx512vl\n"


def kernel(name, library="libopenblas-r0.so"):
    return {"library": library, "version": "0.3.15", "kernel": name}


def test_numpy_has_a_blas_whose_kernel_is_known():
    np.ones((2, 2)) @ np.ones((2, 2))
    assert any(each["kernel"] for each in blas_kernels())


@pytest.mark.parametrize(
    ("flags", "name", "better"),
    [
        (WIDE, "Prescott", "SkylakeX"),
        (WIDE, "Barcelona", "SkylakeX"),
        (WIDE, "Haswell", "SkylakeX"),
        (WIDE, "SkylakeX", None),
        (WIDE, "Cooperlake", None),
        ("flags : avx avx2 fma", "Sandybridge", "Haswell"),
        ("flags : avx avx2 fma", "Zen", None),
        ("flags : sse2", "Prescott", None),
        ("Features : asimd", "neoversen1", None),
    ],
)
def test_a_kernel_below_the_processor_is_named_with_the_one_to_set(tmp_path, flags, name, better):
    (tmp_path / "cpuinfo").write_text(f"model name : a processor\n{flags}\n")
    note = slow_blas_note([kernel(name), kernel("x", "libmkl_rt.so")], tmp_path / "cpuinfo")
    if better is None:
        assert note is None
    else:
        assert f"uses {name}" in note and f"OPENBLAS_CORETYPE={better}" in note and "mkl" not in note


def test_nothing_is_said_where_the_processor_is_unknown(tmp_path):
    assert slow_blas_note([kernel("Prescott")], tmp_path / "none") is None
