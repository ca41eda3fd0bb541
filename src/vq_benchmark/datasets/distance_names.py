"""The names that users and files have for distances."""

import re
from typing import Literal, get_args

import numpy as np

Distance = Literal["l2", "ip", "cosine"]
DISTANCES: tuple[Distance, ...] = get_args(Distance)


DISTANCE_OF_NAME: dict[str, Distance] = {
    **{name: name for name in DISTANCES},
    **dict.fromkeys(("euclidean", "euclid", "l2norm", "l2_norm", "sqeuclidean", "squared_l2"), "l2"),
    **dict.fromkeys(("angular", "normalized", "cos", "cosine_similarity", "cosinesimil"), "cosine"),
    **dict.fromkeys(("dot", "dot_product", "dotproduct", "inner_product", "innerproduct", "mips"), "ip"),
}
"""In lower case."""


def named_distance(name: str) -> Distance | None:
    """The distance that is meant, in any case and with `-` or a space for `_`; None if the name is unknown."""
    return DISTANCE_OF_NAME.get(re.sub(r"[-\s]+", "_", name.strip().lower()))


def text_of(value: object) -> str:
    """The text of an attribute: a string, bytes, or an array of one of these; "" if there is none."""
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.size == 1 else value.tolist() if value.size else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    return "" if value is None else str(value).strip()
