"""An encoder that is quick to compute and slow to forgive: its vectors show what they were embedded with."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.datasets.text.collection_files import TextFiles
from vq_benchmark.datasets.text.judged import Collection, read_collection


class Killed(Exception):
    """What a kill is to a test in one process."""


@dataclass
class FakeEncoder:
    """Vectors by a hash of the text; the last two values show the batch, as padding may in the last bits."""

    name: str = "fake"
    revision: str = "1"
    d: int = 6
    distance: str = "cosine"
    prompts: dict[str, str] = field(default_factory=lambda: {"passage": "p: ", "query": "q: "})
    lives: int | None = None
    """Batches until it is killed."""
    batches: list[list[str]] = field(default_factory=list)

    def encode(self, texts: Sequence[str], kind: str) -> np.ndarray:
        if self.lives is not None and len(self.batches) == self.lives:
            raise Killed
        self.batches.append(list(texts))
        digests = [
            hashlib.blake2b((self.prompts[kind] + text).encode(), digest_size=self.d).digest() for text in texts
        ]
        vectors = np.array([list(digest) for digest in digests], dtype=np.float32) + 1
        vectors[:, -2:] = len(texts), max(map(len, texts))
        return vectors


@pytest.fixture
def fake_encoder() -> type[FakeEncoder]:
    return FakeEncoder


@pytest.fixture
def killed() -> type[Killed]:
    return Killed


@pytest.fixture
def collection(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Collection]:
    """A collection of n passages of different lengths, and a query for every tenth of them."""

    def make(n: int, every: int = 10) -> Collection:
        folder: Path = tmp_path_factory.mktemp("text")
        passages = "".join(f"p{row}\t{'word ' * (row * 7 % 13)}{row}\n" for row in range(n))
        queries = "".join(f"q{row}\tquestion {row}\n" for row in range(0, n, every))
        qrels = "".join(f"q{row} 0 p{row} 1\n" for row in range(0, n, every))
        for name, content in (("c.tsv", passages), ("q.tsv", queries), ("r.tsv", qrels)):
            (folder / name).write_text(content)
        return read_collection(TextFiles(folder / "c.tsv", folder / "q.tsv", folder / "r.tsv"))

    return make
