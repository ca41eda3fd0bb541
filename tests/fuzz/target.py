"""What a kind of file is for the fuzz tests, and the vectors that most of them hold."""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

N, D, QUERIES = 40, 6, 5
RNG = np.random.default_rng(0)
BASE = np.clip(RNG.normal(60, 20, (N, D)), 1, 127)
TEST = np.clip(RNG.normal(60, 20, (QUERIES, D)), 1, 127).astype(np.float32)
IDS = RNG.permuted(np.tile(np.arange(N), (QUERIES, 1)), axis=1)[:, :4]


@dataclass(frozen=True)
class Target:
    """A kind of file. `make` writes a valid one, in place of what `path` says; `read` is what the product does."""

    name: str
    file: str
    """Path below the folder of the test."""
    make: Callable[[Path], object]
    read: Callable[[Path], Any]
    """What it holds, to be compared; refuses by InputError."""
    checked: bool = False
    """Whether the file has sums over its content, so that no other content may come out of a damaged one."""
    text: bool = False


def content(value: Any) -> Any:
    """A value in which arrays are bytes and objects are dictionaries, so that == compares all of it."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: content(each) for name, each in vars(value).items() if not name.startswith("_")}
    if isinstance(value, dict):
        return {name: content(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [content(each) for each in value]
    return repr(value) if isinstance(value, float) else value
