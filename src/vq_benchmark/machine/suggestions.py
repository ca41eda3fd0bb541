"""Suggestions of the nearest valid name for a mistyped one."""

from collections.abc import Iterable
from difflib import get_close_matches

LEAST_PART = 3
"""Characters from which on a part of a name stands for it."""


def did_you_mean(name: object, valid: Iterable[str], most: int = 1) -> str:
    """The question "did you mean 'pq'? " with up to `most` of the valid names; empty if none is close.

    Names that contain the given one come first: `sift` means `sift-128-euclidean`.
    """
    given, names = str(name).lower(), list(valid)
    containing = [each for each in names if len(given) >= LEAST_PART and given in each.lower()]
    near = list(dict.fromkeys([*containing, *get_close_matches(given, names, n=most)]))[:most]
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""
