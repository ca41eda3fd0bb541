"""The names that the field gives to the parts of a data set, for files of a folder and arrays of a container alike.

A name is cut into words: `sift_base`, `trainVectors` and `data/test-00000-of-00002` are (sift, base), (train,
vectors) and (test). Numbers count shards and say nothing about the part.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Literal

Part = Literal["base", "queries", "learn", "neighbors"]
PARTS: tuple[Part, ...] = ("base", "queries", "learn", "neighbors")
OPTIONS: Mapping[Part, str] = {
    "base": "--base-path",
    "queries": "--queries-path",
    "learn": "--learn-path",
    "neighbors": "--ground-truth-path",
}
"""The option that says which file holds a part."""

NOUNS: Mapping[Part, tuple[str, ...]] = {
    "base": ("base", "database", "corpus", "passage", "passages", "doc", "docs", "document", "documents", "xb"),
    "queries": ("query", "queries", "xq"),
    "learn": ("learn", "calibration", "xt"),
    "neighbors": ("neighbor", "neighbors", "neighbour", "neighbours", "groundtruth", "gt", "gnd", "knn"),
}
"""Words for what a part is."""
SPLITS: Mapping[Part, tuple[str, ...]] = {"base": ("train", "training"), "queries": ("test", "eval")}
"""Words of machine learning, which count where there is no noun: `test_base` is a base."""
VECTORS = ("vector", "vectors", "embedding", "embeddings", "emb", "embs")
"""Words for vectors of any part; alone they are the base."""
ROW_NUMBERS = ("indices", "index", "ids", "id", "idx")
"""Neighbours if they have a row for each query, else identifiers."""
FILLERS = frozenset((*VECTORS, "x", "data", "of", "part", "shard", "chunk", "batch", "file", "k", "nearest"))
"""Words that leave a name exact."""
UNUSED: Mapping[str, tuple[str, ...]] = {
    "distances are computed from the vectors": ("distance", "distances", "dist", "dists", "dis", "scores"),
    "labels and texts are not measured": (
        "label", "labels", "y", "text", "texts", "title", "titles", "url", "urls", "caption", "captions",
        "meta", "metadata", "payload", "payloads", "attributes", "filters", "norms", "offsets",
    ),
    "identifiers are not needed: rows are numbered": ROW_NUMBERS,
    "give it with --queries-path to search for a validation split": ("val", "valid", "validation", "dev"),
}  # fmt: skip
"""Words for what is no part, by the reason why it is not used."""
TRAINING_QUERIES = "queries to train on are used only if --train-queries names them"
OTHER_NEIGHBORS = "these are neighbours of other vectors than the queries"

_PART_OF = {word: part for part, words in NOUNS.items() for word in words}
_SPLIT_OF = {word: part for part, words in SPLITS.items() for word in words}
_REASON_OF = {word: reason for reason, words in UNUSED.items() for word in words}
_DISTANCES, _LABELS, _IDENTIFIERS, _VALIDATION = UNUSED


class Fit(IntEnum):
    """How well a name fits a part; the best of several names is used."""

    EXACT = 0
    """Only words for the part: `base`, `train_vectors`."""
    DECORATED = 1
    """Other words too: `sift_base`, `shuffle_train`."""
    VAGUE = 2
    """Only words for vectors of any part, or for row numbers: `embeddings`, `ids`."""
    VAGUE_DECORATED = 3
    UNNAMED = 4


@dataclass(frozen=True)
class Naming:
    """What a name says: the part, or why what it names is not used, or nothing."""

    part: Part | None
    fit: Fit = Fit.UNNAMED
    reason: str = ""


def naming(name: str) -> Naming:
    """What the name of a file, without its extension, or of an array says."""
    return _naming(tuple(words_of(name)))


@lru_cache(maxsize=1024)
def _naming(words: tuple[str, ...]) -> Naming:
    """What the words of a name say; the names of shards have the same."""
    head = words[-1] if words else ""
    if head not in VECTORS and any(_REASON_OF.get(word) == _DISTANCES for word in words):
        return Naming(None, reason=_DISTANCES)
    parts = [_PART_OF[word] for word in words if word in _PART_OF]
    trains = any(_SPLIT_OF.get(word) == "base" for word in words)
    if "neighbors" in parts:
        if trains or "learn" in parts:
            return Naming(None, reason=OTHER_NEIGHBORS)
        return Naming("neighbors", _fit(words, (*NOUNS["neighbors"], *ROW_NUMBERS)))
    if words and all(word in ROW_NUMBERS or word in FILLERS - set(VECTORS) for word in words):
        return Naming("neighbors", Fit.VAGUE) if set(words) & set(ROW_NUMBERS) else Naming(None)
    if "y" in words or _REASON_OF.get(head) in (_LABELS, _IDENTIFIERS):
        return Naming(None, reason=_REASON_OF.get(head, _LABELS))
    if "queries" in parts and (trains or "learn" in parts):
        return Naming(None, reason=TRAINING_QUERIES)
    parts = parts or [_SPLIT_OF[word] for word in words if word in _SPLIT_OF]
    if parts:
        return Naming(parts[-1], _fit(words, (*NOUNS[parts[-1]], *SPLITS.get(parts[-1], ()))))
    if any(_REASON_OF.get(word) == _VALIDATION for word in words):
        return Naming(None, reason=_VALIDATION)
    if any(word in VECTORS for word in words):
        return Naming("base", Fit(Fit.VAGUE + _fit(words, VECTORS)))
    return Naming(None)


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, without the numbers that count shards; `10M` and `v2` are words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    joined = re.sub(r"ground[\W_]*truth", "groundtruth", spaced, flags=re.IGNORECASE).lower()
    words = (_without_number(word) for word in re.split(r"[\W_]+", joined))
    return [word for word in words if word]


def _without_number(word: str) -> str:
    return word if re.fullmatch(r"v\d+", word) else word.rstrip("0123456789")


def _fit(words: Sequence[str], own: tuple[str, ...]) -> Fit:
    return Fit.EXACT if all(word in own or word in FILLERS for word in words) else Fit.DECORATED
