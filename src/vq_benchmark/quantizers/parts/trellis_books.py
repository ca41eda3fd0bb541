"""The levels of a bit-shift trellis: trained once on Gaussian values, and shipped.

`benchmarks/trellis_books.py` makes the file. It starts from the outputs of random convolutional codes, which select
levels of a Lloyd–Max quantizer of one bit more. Then it alternates between the best paths of Gaussian values and the
means of what each state stands for.
"""

from functools import cache
from importlib.resources import files

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.kernels.viterbi import KINDS
from vq_benchmark.quantizers.parts.segment_distortions import SegmentErrors

RATES = tuple(bits / levels for bits, levels in KINDS)
"""Bits per axis of each kind of step."""
FILE = "trellis_books.npz"
MEMORIES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12)
"""Bits of the states that there are levels for."""


def kind_of(rate: float) -> int:
    """The place in KINDS of the step with so many bits per axis."""
    return RATES.index(rate)


def memory_within(most: int) -> int:
    """The most bits of a state, up to `most` ≥ 1, that there are levels for."""
    return max(memory for memory in MEMORIES if memory <= most)


@cache
def books_of(memory: int) -> FloatArray:
    """(KINDS, 2·2^memory) float32 levels: those of state s begin at s·(levels of a step); 0 if bits > memory."""
    found: FloatArray = _shipped()[f"books_{memory}"]
    return found


@cache
def segment_errors(memory: int) -> SegmentErrors:
    """The measured error of each rate in a segment, on a path with a longer one of the same rate."""
    return SegmentErrors(RATES, _shipped()[f"errors_{memory}"].astype(np.float64))


@cache
def _shipped() -> dict[str, FloatArray]:
    with (files(__package__) / FILE).open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
