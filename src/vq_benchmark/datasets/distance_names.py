"""The names that files have for distances."""

import numpy as np

from vq_benchmark.datasets.dataset import Distance

DISTANCE_OF_NAME: dict[str, Distance] = {
    "l2": "l2",
    "euclidean": "l2",
    "sqeuclidean": "l2",
    "squared_l2": "l2",
    "cosine": "cosine",
    "angular": "cosine",
    "normalized": "cosine",
    "ip": "ip",
    "dot": "ip",
    "dot_product": "ip",
    "dotproduct": "ip",
    "inner_product": "ip",
    "innerproduct": "ip",
    "mips": "ip",
}


def distance_named(name: str) -> Distance | None:
    """The distance of that name, in upper or lower case; None if it has no other name here."""
    return DISTANCE_OF_NAME.get(name.strip().lower().replace("-", "_").replace(" ", "_"))


def text_of(value: object) -> str:
    """The text of an attribute: a string, bytes, or an array of one of these; "" if there is none."""
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.size == 1 else value.tolist() if value.size else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    return "" if value is None else str(value).strip()
