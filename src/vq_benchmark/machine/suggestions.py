"""Suggestions of the nearest valid name for a mistyped one."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: object, valid: Iterable[str], most: int = 1) -> str:
    """The question "did you mean 'pq'? " with up to `most` of the valid names; empty if none is close."""
    near = get_close_matches(str(name), list(valid), n=most)
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""
